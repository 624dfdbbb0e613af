package encoder

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Model is an encoder read from ONNX. It is immutable and serves many goroutines.
type Model struct {
	spec    Spec
	base    *graph.Graph // for one image
	found   map[Tap]*graph.Value
	weights *graph.Weights
	source  *onnx.Model
	options options
	own     *ownSize
	plan    func(h, w int) (*Plan, error)

	at      *Model // where compiled programs are kept, if not here
	uses    int    // how often a size was asked for
	lastUse int    // of this size, counted by the model it was made from

	mu       sync.Mutex
	programs []*program
	sized    map[[2]int]*Model
	plans    map[[2]int]*Plan
}

var (
	_ Encoder = (*Model)(nil)
	_ Resizer = (*Model)(nil)
)

// Spec states the geometry, the token layout and the preprocessing.
func (m *Model) Spec() Spec { return m.spec }

// Raw is the same encoder without preprocessing: its images are network inputs, 3×H×W as the ONNX file
// takes them, already normalised.
func (m *Model) Raw() Encoder {
	r := m.share()
	r.spec.Preproc = Preprocess{Std: [3]float64{1, 1, 1}, Source: "none: raw network input"}
	r.plan = r.spec.Preproc.Plan
	return r
}

// share is a model over the same graph and weights with caches of its own.
func (m *Model) share() *Model {
	return &Model{
		spec: m.spec, base: m.base, found: m.found, weights: m.weights, source: m.source, options: m.options, own: m.own,
		plan: m.plan, sized: map[[2]int]*Model{}, plans: map[[2]int]*Plan{},
	}
}

// build imports the graph at the given size (0,0: the model's own) and finds its structure.
func build(src *onnx.Model, o options, h, w int) (m *Model, err error) {
	defer filemap.Guard(&err)()
	own, constant := &ownSize{}, o.constant
	if constant == nil {
		constant = own.note
	}
	g, err := graph.Import(src, graph.ImportOptions{Input: o.input, Height: h, Width: w, Constant: constant, Lengths: o.lengths, Trace: o.trace})
	if err != nil {
		return nil, err
	}
	m = &Model{base: g, source: src, options: o, weights: graph.NewWeights()}
	m.weights.Check = src.CheckFile
	m = m.share()
	fused, copies := g.Clone(g.Outputs)
	if err := fused.FuseBlocks(); err != nil {
		return nil, err
	}
	original := make(map[*graph.Value]*graph.Value, len(copies))
	for v, c := range copies {
		original[c] = v
	}
	m.traceMoved(fused, original)
	m.describe(findStructure(fused), original)
	m.settleOwn(own)
	return m, nil
}

// resolve finds the value that a tap names.
func (m *Model) resolve(t Tap) (*graph.Value, error) {
	if v := m.found[t]; v != nil {
		return v, nil
	}
	if v := m.base.Names[string(t)]; v != nil {
		if v.Const != nil {
			return nil, fmt.Errorf("encoder: %s: tensor %q does not depend on the image", m.spec.Name, t)
		}
		return v, nil
	}
	return nil, fmt.Errorf("encoder: %s has no tap or tensor %q; taps are %s", m.spec.Name, t, m.tapNames())
}

func (m *Model) tapNames() string {
	var names []string
	for _, t := range []Tap{Stem, Block(0), Tokens, Embedding} {
		if m.found[t] != nil {
			names = append(names, string(t))
		}
	}
	if m.spec.Depth > 1 && m.found[Block(0)] != nil {
		names = append(names, "… block."+fmt.Sprint(m.spec.Depth-1))
	}
	return strings.Join(names, ", ")
}

// name is how errors call a model.
func nameOf(path string) string {
	if path == "" {
		return "model"
	}
	return filepath.Base(path)
}
