package encoder

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/tower"
)

// fused counts steps by the kind of operator.
func fused(t *testing.T, s Schedule) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, step := range s.Steps {
		name, _, _ := strings.Cut(step.Op, "(")
		n[name]++
	}
	return n
}

func TestScheduleIsFused(t *testing.T) {
	m := openVIT(t, small)
	s, err := m.Schedule(false, Tokens, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	n := fused(t, s)
	want := map[string]int{"Attention": 2, "LayerNorm": 6, "Linear+bias": 2, "Linear+bias+QuickGELU": 2, "Linear+bias+residual": 4}
	for op, count := range want {
		if n[op] != count {
			t.Errorf("%d steps %s, want %d; all steps: %v", n[op], op, count, n)
		}
	}
}

func TestEmbeddingComputesOnlyTheClassTokenInTheLastBlock(t *testing.T) {
	m := openVIT(t, small)
	s, err := m.Schedule(false, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	last := s.Steps[len(s.Steps)-7:]
	for _, step := range last {
		if len(step.Shape) > 1 && step.Shape[len(step.Shape)-2] != 1 && !strings.HasPrefix(step.Op, "Linear+bias") {
			t.Errorf("%s still computes %v", step.Op, step.Shape)
		}
	}
	all, err := m.Schedule(false, Embedding, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	if one, every := rows(s), rows(all); one >= every {
		t.Errorf("the embedding alone computes %d rows, all tokens %d", one, every)
	}
}

// rows counts the rows that linear layers compute.
func rows(s Schedule) (n int) {
	for _, step := range s.Steps {
		if strings.HasPrefix(step.Op, "Linear") {
			k := 1
			for _, d := range step.Shape[:len(step.Shape)-1] {
				k *= d
			}
			n += k
		}
	}
	return n
}

func TestSinkingRowsKeepsTheEmbedding(t *testing.T) {
	m := openVIT(t, tower.Image{Size: 48, Patch: 8, Width: 64, Depth: 3, Heads: 4, Embed: 16})
	images := pictures(1, 48, 48)
	a, err := m.Forward(t.Context(), images, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Forward(t.Context(), images, Embedding, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range a[0].Float32s() {
		if d := v - b[0].Float32s()[i]; d > 1e-5 || d < -1e-5 {
			t.Fatalf("element %d: %g with the class token alone, %g with all tokens", i, v, b[0].Float32s()[i])
		}
	}
}
