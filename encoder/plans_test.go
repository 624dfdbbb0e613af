package encoder

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestFusedPlans: the samples of every exporter run in fused operators and few of them.
func TestFusedPlans(t *testing.T) {
	root := filepath.Join("..", "testdata", "encoders")
	checkPlans(t, root)
	checkPlans(t, sharedGoldens(t))
}

func checkPlans(t *testing.T, root string) {
	for _, m := range goldens(t, root) {
		enc, err := Open(filepath.Join(root, m.File))
		if err != nil {
			t.Fatal(err)
		}
		s := enc.Spec()
		if s.Heads == 0 || strings.Contains(m.ID, "qdq") {
			continue
		}
		plan, err := enc.Schedule(false, Tokens, Embedding)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, step := range plan.Steps {
			kind, _, _ := strings.Cut(step.Op, "(")
			kind, rest, _ := strings.Cut(kind, "+")
			count[kind]++
			if strings.Contains(rest, "GELU") || strings.Contains(rest, "SiLU") {
				count["activation"]++
			}
		}
		for _, part := range []string{"Softmax", "Erf", "Tanh", "Sigmoid", "ReduceMean[2]", "Sqrt"} {
			if count[part] > 1 { // one may belong to a head
				t.Errorf("%s: %d times %s", m.ID, count[part], part)
			}
		}
		if count["Attention"] < s.Depth || count["LayerNorm"] < 2*s.Depth || count["activation"] < s.Depth || len(plan.Steps) >= 25*s.Depth {
			t.Errorf("%s: %d operators for %d blocks: %v", m.ID, len(plan.Steps), s.Depth, count)
		}
	}
}
