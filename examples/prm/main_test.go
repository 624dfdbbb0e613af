package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestPRMTurnsTheTokensWithinItsBudget(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "L∞ 0.0314, budget 8/255" || len(lines) != 8 {
		t.Fatalf("printed:\n%s", out.String())
	}
	var tap string
	var cosine float64
	if _, err := fmt.Sscan(lines[7], &tap, &cosine); err != nil || tap != "block.5" || cosine > 0.6 {
		t.Errorf("the last line is %q, want block.5 with a cosine of at most 0.6", lines[7])
	}
}
