package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// ImportOptions choose what part of a model is imported and at which size.
type ImportOptions struct {
	Input  string // the image input's name; "" picks the only rank-4 input
	Height int    // image size; 0 takes the model's own
	Width  int
	// Positions, if set, makes a position embedding [..., T, D] for another number of tokens. It is called
	// where a constant is added to a sequence of another length.
	Positions func(c *Tensor, tokens int) (*Tensor, error)
	Trace     bool // remember which tensors of the file constants consist of, see [Graph.Sources]
}

// Import turns the part of an ONNX model that depends on its image input alone into a graph for one
// image. Constants are folded as they appear, so the shape arithmetic of exporters leaves no trace.
func Import(m *onnx.Model, o ImportOptions) (g *Graph, err error) {
	what := ""
	defer Catch(&what, &err)
	im := &importer{
		model: m, scope: map[string][]*Value{}, elem: map[string]onnx.DType{},
		init: map[string]*onnx.Tensor{}, g: New(foldBudget(m)), what: &what, opsets: m.Opsets,
	}
	if o.Trace {
		im.g.origin = newProvenance()
	}
	im.functions()
	im.positions = o.Positions
	im.input(o)
	nodes := im.plan(m.Graph)
	im.run(m.Graph, nodes)
	what = ""
	im.outputs(m.Graph)
	return im.g, nil
}

// foldBudget bounds what constant folding may allocate: a few times the weights, and some room for
// small models.
func foldBudget(m *onnx.Model) int {
	n := 8 << 20
	for _, t := range m.Graph.Initializers {
		n += 3 * t.Len()
	}
	return n
}

// importer holds the state of one import.
type importer struct {
	model  *onnx.Model
	g      *Graph
	scope  map[string][]*Value // ONNX name to value, or to the members of a sequence
	init   map[string]*onnx.Tensor
	elem   map[string]onnx.DType // element types as declared, where they matter (quantisation)
	funcs  map[string]*onnx.Function
	opsets map[string]int64
	depth  int

	positions func(c *Tensor, tokens int) (*Tensor, error)

	count int // nodes imported so far, function bodies included
	what  *string
}

func (im *importer) opset(domain string) int64 {
	if v, ok := im.opsets[domain]; ok {
		return v
	}
	return im.model.Opsets[domain]
}

// input finds the image input and adds it to the graph.
func (im *importer) input(o ImportOptions) {
	init := map[string]bool{}
	for _, t := range im.model.Graph.Initializers {
		init[t.Name] = true
	}
	var pick *onnx.ValueInfo
	var seen []string
	for _, v := range im.model.Graph.Inputs {
		if init[v.Name] {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s %v", v.Name, dims(v)))
		if v.Name == o.Input || o.Input == "" && pick == nil && v.HasShape && len(v.Dims) == 4 {
			pick = v
		}
	}
	if pick == nil {
		if o.Input != "" {
			fail("the model has no input %q; it has %s", o.Input, strings.Join(seen, ", "))
		}
		fail("no input has the rank of an image (N×C×H×W); inputs are %s", strings.Join(seen, ", "))
	}
	shape := imageShape(pick, o)
	im.elem[pick.Name] = pick.Type
	im.scope[pick.Name] = []*Value{im.g.Input(pick.Name, Float32, shape...)}
}

func dims(v *onnx.ValueInfo) []string {
	var s []string
	for _, d := range v.Dims {
		if d.Value >= 0 {
			s = append(s, fmt.Sprint(d.Value))
		} else if d.Param != "" {
			s = append(s, d.Param)
		} else {
			s = append(s, "?")
		}
	}
	return s
}

// imageShape decides the input's shape for one image.
func imageShape(v *onnx.ValueInfo, o ImportOptions) []int {
	if !v.HasShape || len(v.Dims) != 4 {
		fail("input %q has shape %v; an image input has four axes", v.Name, dims(v))
	}
	s := []int{1, 0, 0, 0}
	for i := 1; i < 4; i++ {
		s[i] = int(v.Dims[i].Value)
	}
	h, w, c := 2, 3, 1
	if s[3] == 3 && s[1] != 3 { // N×H×W×C
		h, w, c = 1, 2, 3
	}
	if s[c] <= 0 {
		s[c] = 3
	}
	if o.Height > 0 {
		s[h], s[w] = o.Height, o.Width
	}
	if s[h] <= 0 || s[w] <= 0 {
		fail("input %q has shape %v: its height and width are dynamic, give an image size", v.Name, dims(v))
	}
	if s[c] > 64 || s[h] > 1<<14 || s[w] > 1<<14 {
		fail("input %q has shape %v: %w for an image", v.Name, s, ErrTooLarge)
	}
	return s
}

// run imports nodes in order.
func (im *importer) run(og *onnx.Graph, nodes []*onnx.Node) {
	im.initializers(og)
	for _, n := range nodes {
		im.node(n)
	}
}

// initializers indexes a graph's initializers; each becomes a constant when a node reads it.
func (im *importer) initializers(og *onnx.Graph) {
	for _, t := range og.Initializers {
		im.init[t.Name] = t
	}
}

// get is what a name stands for: one value, or the members of a sequence.
func (im *importer) get(name string) []*Value {
	if v, ok := im.scope[name]; ok {
		return v
	}
	t := im.init[name]
	if t == nil {
		fail("tensor %q is not defined", name)
	}
	c, err := fromONNX(t)
	check(err)
	v := Constant(c)
	v.Name = name
	if im.depth == 0 {
		im.g.origin.named(c, name)
	}
	im.elem[name] = t.Type
	im.scope[name] = []*Value{v}
	return im.scope[name]
}

// fromONNX converts a tensor of the file.
func fromONNX(t *onnx.Tensor) (*Tensor, error) {
	shape := slices.Clone(t.Dims)
	if shape == nil {
		shape = []int{}
	}
	if t.Type.IsFloat() {
		f, err := t.Float32s()
		return &Tensor{DType: Float32, Shape: shape, F: f}, err
	}
	d := Int64
	if t.Type == onnx.Bool {
		d = Bool
	}
	i, err := t.Int64s()
	return &Tensor{DType: d, Shape: shape, I: i}, err
}

const maxNodes = 1 << 20

// node imports one node.
func (im *importer) node(n *onnx.Node) {
	*im.what = fmt.Sprintf("node %q (%s)", n.Name, opName(n))
	im.g.at = n.Name
	if im.count++; im.count > maxNodes {
		fail("the model has more than %d nodes once its functions are expanded", maxNodes)
	}
	outs := im.apply(n)
	for i, name := range n.Outputs {
		if name == "" || i >= len(outs) || outs[i] == nil {
			continue
		}
		im.define(name, outs[i])
	}
}

func opName(n *onnx.Node) string {
	if n.Domain == "" {
		return n.OpType
	}
	return n.Domain + ":" + n.OpType
}

// define gives a name to a value, which keeps the first it had.
func (im *importer) define(name string, v *Value) {
	im.scope[name] = []*Value{v}
	if im.depth > 0 {
		return
	}
	im.g.Names[name] = v
	if v.Name == "" {
		v.Name = name
	}
}

func (im *importer) apply(n *onnx.Node) []*Value {
	if f := im.funcs[opName(n)]; f != nil {
		return im.inline(n, f)
	}
	imp, ok := importers[opName(n)]
	if !ok {
		fail("operator %s is not supported", opName(n))
	}
	return imp(&call{im, n})
}

// outputs sets the graph's outputs: those of the model that were imported, or, where all of them also
// depend on another input, the last values that depend on the image alone.
func (im *importer) outputs(og *onnx.Graph) {
	for _, o := range og.Outputs {
		if v := im.scope[o.Name]; len(v) == 1 && v[0].Const == nil {
			im.g.Outputs = append(im.g.Outputs, v[0])
			im.g.Names[o.Name] = v[0]
		}
	}
	if len(im.g.Outputs) > 0 {
		im.g.Prune()
		return
	}
	read := im.g.Users()
	for _, n := range im.g.Nodes {
		for _, v := range n.Out {
			if len(read[v]) == 0 {
				im.g.Outputs = append(im.g.Outputs, v)
			}
		}
	}
	if len(im.g.Outputs) == 0 {
		fail("no output depends on the image input")
	}
}
