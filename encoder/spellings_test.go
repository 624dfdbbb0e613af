package encoder

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestSpellings rewrites the samples of every exporter into what other exporters, converters and optimisers write, and
// runs the results against the samples' own goldens.
func TestSpellings(t *testing.T) {
	root := sharedGoldens(t)
	for _, s := range spellings {
		for _, m := range goldens(t, root) {
			if len(s.files) > 0 && !slices.ContainsFunc(s.files, func(f string) bool { return strings.HasSuffix(m.ID, f) }) {
				continue
			}
			if len(s.files) == 0 && strings.HasPrefix(m.ID, "e_") {
				continue
			}
			t.Run(s.name+"/"+m.ID, func(t *testing.T) {
				checkSpelling(t, root, edited(t, filepath.Join(root, m.File), s.edit), m, s)
			})
		}
	}
}

// spelling is a way to write a file. Its results may be off by output and gradient, relative.
type spelling struct {
	name             string
	edit             func(t *testing.T, m *onnx.Model)
	output, gradient float64
	plain            bool     // attention is not recognised
	files            []string // the ends of the samples' names; none for all but edited ones
}

func checkSpelling(t *testing.T, root, path string, m goldenModel, s spelling) {
	enc, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, m.Golden)
	var info goldenInfo
	readJSON(t, filepath.Join(dir, "info.json"), &info)
	g := golden{t: t, enc: enc.Raw(), dir: dir, model: m, info: info, limit: [2]float64{s.output, s.gradient}}
	g.outputs("b1")
	g.outputs("b3")
	g.gradients("b1")
	g.hidden()
	g.facts(enc.Spec())
	spec := enc.Spec()
	if spec.Heads == 0 || s.output > 1e-2 || s.plain {
		return
	}
	plan, err := enc.Schedule(false, Tokens, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	fused := 0
	for _, step := range plan.Steps {
		if strings.HasPrefix(step.Op, "Attention(") {
			fused++
		}
	}
	if fused < spec.Depth || len(plan.Steps) > 25*spec.Depth {
		t.Errorf("%d fused attentions in %d steps for %d blocks", fused, len(plan.Steps), spec.Depth)
	}
}
