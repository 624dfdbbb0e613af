package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestTheAttackTransfersToTheHeadAlone(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("printed:\n%s", out.String())
	}
	for i, most := range []float64{0.5, 1} {
		var name, metric string
		var clean, attacked float64
		line := strings.NewReplacer("under PRM ", "", ",", "", "clean ", "").Replace(lines[i])
		if _, err := fmt.Sscan(line, &name, &metric, &clean, &attacked); err != nil || clean < 0.7 || attacked > most || i == 1 && attacked < 0.7 {
			t.Errorf("%q: %v", lines[i], err)
		}
	}
}
