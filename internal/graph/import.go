package graph

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// ImportOptions choose what part of a model is imported and at which size.
type ImportOptions struct {
	Input  string // the image input's name; "" picks the only rank-4 input
	Height int    // image size; 0 takes the model's own
	Width  int
	// Constant, if set, may put another constant in the place of c, which has rows of its own and is added to computed
	// values of shape x, or multiplied with them.
	Constant func(c *Tensor, x []int, added bool) (*Tensor, error)
	// Lengths are lengths of the model's own image size and those that take their places in constant shapes that do not
	// fit.
	Lengths [][2]int
	Trace   bool // remember which tensors of the file constants consist of, see [Graph.Sources]
	// Sources gives inputs other than an image: of a text encoder, say. With sources and no Input, no image
	// is looked for.
	Sources []Source
	// Constants allows a model none of whose outputs depends on an input.
	Constants bool
}

// Source is an input of the model that is no image: constant if Const is set, else an array of this type
// and shape that every run provides.
type Source struct {
	Name  string
	Const *Tensor
	Type
}

// Image tells how the ONNX file takes its image.
type Image struct {
	ChannelsLast bool       // N×H×W×C in the file; the graph's input is always 1×C×H×W
	Type         onnx.DType // as declared; the graph computes in float32
	Batch        int        // images that the file is made for; 0 for any number
	AnySize      bool       // height and width are open in the file
}

// Import turns the part of an ONNX model that depends on its image input alone into a graph for one
// image. Constants are folded as they appear, so the shape arithmetic of exporters leaves no trace.
func Import(m *onnx.Model, o ImportOptions) (g *Graph, err error) {
	what := ""
	defer Catch(&what, &err)
	im := &importer{
		model: m, scope: map[string][]*Value{}, elem: map[*Value]onnx.DType{},
		init: map[string]*onnx.Tensor{}, plans: map[any][]*onnx.Node{}, refs: map[*onnx.Graph]bool{}, g: New(foldBudget(m)), what: &what, opsets: m.Opsets,
	}
	if o.Trace {
		im.g.origin = newProvenance()
	}
	im.functions()
	im.constant, im.lengths = o.Constant, o.Lengths
	im.inputs(o)
	nodes := im.plan(m.Graph)
	im.run(m.Graph, nodes)
	what = ""
	im.outputs(m.Graph, o.Constants)
	return im.g, nil
}

// foldBudget bounds what constant folding may allocate: a few times the weights, and some room for
// small models.
func foldBudget(m *onnx.Model) int {
	n := 8<<20 + constants(m.Graph)
	for _, f := range m.Functions {
		n += constantNodes(f.Nodes)
	}
	return n
}

// constants is what the initializers and constant nodes of a graph may unfold to.
func constants(g *onnx.Graph) (n int) {
	for _, t := range g.Initializers {
		n += unfolded(t)
	}
	return n + constantNodes(g.Nodes)
}

func constantNodes(nodes []*onnx.Node) (n int) {
	for _, node := range nodes {
		for _, a := range node.Attrs {
			if a.Tensor != nil {
				n += unfolded(a.Tensor)
			}
			if a.Graph != nil {
				n += constants(a.Graph)
			}
		}
	}
	return n
}

// unfolded counts a few copies of t, more where its bytes are packed or quantised weights.
func unfolded(t *onnx.Tensor) int {
	if s := t.Type.Size(); s < 2 {
		return 12 * t.Len()
	}
	return 4 * t.Len()
}

// importer holds the state of one import.
type importer struct {
	model  *onnx.Model
	g      *Graph
	scope  map[string][]*Value // ONNX name to value, or to the members of a sequence
	init   map[string]*onnx.Tensor
	elem   map[*Value]onnx.DType        // element types as declared, where they matter (quantisation)
	funcs  map[[2]string]*onnx.Function // by name and overload
	opsets map[string]int64
	depth  int

	constant func(c *Tensor, x []int, added bool) (*Tensor, error)
	lengths  [][2]int
	frontier []string // names that nodes left out for depending on another input read

	plans     map[any][]*onnx.Node // of subgraphs and functions
	refs      map[*onnx.Graph]bool // whether a subgraph refers to attributes of its function
	sequences []sequenceResult     // of the body just imported

	work  int // names copied on the way into functions, branches and loops
	count int // nodes imported so far, function bodies included
	what  *string
}

func (im *importer) opset(domain string) int64 {
	if v, ok := im.opsets[domain]; ok {
		return v
	}
	return im.model.Opsets[domain]
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
	im.elem[v] = t.Type
	im.scope[name] = []*Value{v}
	return im.scope[name]
}

// fromONNX converts a tensor of the file.
func fromONNX(t *onnx.Tensor) (*Tensor, error) {
	shape := slices.Clone(t.Dims)
	if shape == nil {
		shape = []int{}
	}
	if !t.Type.IsInt() && t.Type != onnx.Int4 && t.Type != onnx.Uint4 {
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

const maxNodes = 1 << 17

// node imports one node.
func (im *importer) node(n *onnx.Node) {
	*im.what = fmt.Sprintf("node %q (%s)", n.Name, opName(n))
	im.g.at = n.Name
	if im.count++; im.count > maxNodes {
		fail("the model has more than %d nodes once its functions are expanded", maxNodes)
	}
	im.sequences = nil
	outs := im.apply(n)
	for _, s := range im.sequences {
		im.scope[s.name] = s.list
	}
	im.sequences = nil
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
	if f := im.funcs[[2]string{opName(n), n.Overload}]; f != nil {
		return im.inline(n, f)
	}
	imp, ok := importers[opName(n)]
	if !ok {
		if why := refusal(opName(n)); why != "" {
			fail("operator %s %s", opName(n), why)
		}
		fail("operator %s is not supported", opName(n))
	}
	return imp(&call{im, n})
}

// outputs sets the graph's outputs: those of the model that were imported, or, where all of them also
// depend on another input, what the rest of the model reads of the image.
func (im *importer) outputs(og *onnx.Graph, constants bool) {
	for _, o := range og.Outputs {
		v := im.scope[o.Name]
		if len(v) != 1 && constants {
			v = im.get(o.Name)
		}
		if len(v) != 1 {
			continue
		}
		im.g.Names[o.Name] = v[0]
		if v[0].Const == nil {
			im.g.Outputs = append(im.g.Outputs, v[0])
		}
	}
	if len(im.g.Outputs) > 0 || constants {
		im.g.Prune()
		return
	}
	im.g.Outputs = im.between()
	if len(im.g.Outputs) == 0 {
		fail("no output depends on the image input")
	}
	im.g.Prune()
}

// between lists the computed values that nodes left out of the graph read: what one tower hands to the
// comparison with another.
func (im *importer) between() (list []*Value) {
	seen := map[*Value]bool{}
	for _, name := range im.frontier {
		for _, v := range im.scope[name] {
			if v.Const == nil && v.DType == Float32 && !seen[v] {
				seen[v] = true
				list = append(list, v)
			}
		}
	}
	return list
}
