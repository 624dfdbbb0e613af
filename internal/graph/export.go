package graph

import (
	"crypto/sha256"
	"fmt"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// exportOpset is the operator set that exported graphs are written in.
const exportOpset = 17

// FuseForExport recognises what the standard operator set has operators for.
func (g *Graph) FuseForExport() (err error) {
	what := "fusion"
	defer Catch(&what, &err)
	for _, pass := range []func(*Graph){fuseSoftmax, fuseLayerNorm, fuseAffine, fuseActivation, fuseBias} {
		pass(g)
		g.Prune()
	}
	return nil
}

// Named is a value with the name it has outside.
type Named struct {
	Name  string
	Value *Value
}

// ONNX writes nodes, all of the graph's or a part, as a model of standard operators: every constant is stored
// once, whatever reads it.
func (g *Graph) ONNX(name string, nodes []*Node, inputs, outputs []Named) (m *onnx.Model, err error) {
	what := "export"
	defer Catch(&what, &err)
	e := &emitter{
		model: onnx.NewModel(name, exportOpset), names: map[*Value]string{}, used: map[string]bool{},
		floats: map[[sha256.Size]byte]stored{}, consts: map[string]string{},
	}
	for _, in := range inputs {
		e.names[in.Value] = e.unique(in.Name)
		e.model.Graph.AddInput(e.names[in.Value], exportType(in.Value), onnx.Fixed(in.Value.Shape...)...)
	}
	for _, out := range outputs {
		e.used[out.Name] = true
	}
	for _, n := range nodes {
		what = fmt.Sprintf("export of node %q (%s)", n.Name, n.Op)
		e.node(n)
	}
	what = "export"
	for _, out := range outputs {
		e.model.Graph.AddNode("Identity", []string{e.name(out.Value)}, []string{out.Name})
		e.model.Graph.AddOutput(out.Name, exportType(out.Value), onnx.Fixed(out.Value.Shape...)...)
	}
	return e.model, nil
}

// exportType is the element type that a value has in the file: the positions of pooled maxima, which the
// engine keeps in a buffer of floats, are integers there.
func exportType(v *Value) onnx.DType {
	if v.Def != nil {
		if op, ok := v.Def.Op.(Pool); ok && op.Max && v == v.Def.Out[1] {
			return onnx.Int64
		}
	}
	return onnxType(v.DType)
}

func onnxType(d DType) onnx.DType {
	switch d {
	case Int64:
		return onnx.Int64
	case Bool:
		return onnx.Bool
	}
	return onnx.Float32
}

// emitter writes one model.
type emitter struct {
	model  *onnx.Model
	names  map[*Value]string
	used   map[string]bool
	floats map[[sha256.Size]byte]stored // initializers by what they hold, each in one shape
	consts map[string]string            // small constants by what they hold
}

// stored is an initializer.
type stored struct {
	name  string
	shape []int
}

func digest(v []float32) [sha256.Size]byte {
	return sha256.Sum256(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v)))
}

// unique gives a name that nothing has yet.
func (e *emitter) unique(name string) string {
	if name == "" {
		name = "t"
	}
	try := name
	for i := 1; e.used[try]; i++ {
		try = fmt.Sprintf("%s_%d", name, i)
	}
	e.used[try] = true
	return try
}

// name is what a value is called, made an initializer if it is constant.
func (e *emitter) name(v *Value) string {
	if s, ok := e.names[v]; ok {
		return s
	}
	if v.Const == nil {
		fail("%s is not computed by this part of the graph", v)
	}
	s := e.constant(v.Const, v.Name)
	e.names[v] = s
	return s
}

// constant stores a tensor; one that is a reshaped view of what is stored already is reshaped.
func (e *emitter) constant(t *Tensor, name string) string {
	if t.DType != Float32 {
		return e.ints(t)
	}
	if len(t.F) == 0 {
		return e.store(onnx.NewFloat32(e.unique(name), t.Shape, t.F))
	}
	key := fmt.Sprint(&t.F[0], t.Shape)
	if s, ok := e.consts[key]; ok {
		return s
	}
	sum := digest(t.F)
	same, ok := e.floats[sum]
	s := same.name
	if !ok {
		if name == "" {
			name = "constant"
		}
		s = e.store(onnx.NewFloat32(e.unique(name), t.Shape, t.F))
		e.floats[sum] = stored{s, t.Shape}
	} else if !SameShape(same.shape, t.Shape) {
		s = e.emit("Reshape", []string{s, e.vector(t.Shape)})
	}
	e.consts[key] = s
	return s
}

func (e *emitter) store(t *onnx.Tensor, err error) string {
	check(err)
	e.model.Graph.AddInitializer(t)
	return t.Name
}

func (e *emitter) ints(t *Tensor) string {
	key := fmt.Sprint(t.DType, t.Shape, t.I)
	if len(t.I) > 64 {
		key = fmt.Sprint(&t.I[0], t.Shape)
	}
	s, ok := e.consts[key]
	if ok {
		return s
	}
	if t.DType == Bool {
		raw := make([]byte, len(t.I))
		for i, v := range t.I {
			raw[i] = byte(v)
		}
		s = e.store(onnx.NewTensor(e.unique("constant"), onnx.Bool, t.Shape, raw))
	} else {
		s = e.store(onnx.NewInt64(e.unique("constant"), t.Shape, t.I))
	}
	e.consts[key] = s
	return s
}

// vector is a constant list of integers, such as a shape.
func (e *emitter) vector(v []int) string {
	t := NewTensor(Int64, len(v))
	for i, n := range v {
		t.I[i] = int64(n)
	}
	return e.ints(t)
}

// number is a constant scalar.
func (e *emitter) number(v float64) string {
	key := fmt.Sprint("number ", float32(v))
	s, ok := e.consts[key]
	if !ok {
		s = e.store(onnx.NewFloat32(e.unique("constant"), nil, []float32{float32(v)}))
		e.consts[key] = s
	}
	return s
}

// emit adds a node with one result and returns its name.
func (e *emitter) emit(op string, in []string, attrs ...*onnx.Attribute) string {
	out := e.unique("t")
	e.model.Graph.AddNode(op, in, []string{out}, attrs...)
	return out
}

// give names the result of a node.
func (e *emitter) give(v *Value, name string) { e.names[v] = name }

func (e *emitter) in(n *Node) (s []string) {
	for _, v := range n.In {
		if v == nil {
			s = append(s, "")
		} else {
			s = append(s, e.name(v))
		}
	}
	return s
}

// The arithmetic of formulas.
func (e *emitter) add(a, b string) string { return e.emit("Add", []string{a, b}) }
func (e *emitter) sub(a, b string) string { return e.emit("Sub", []string{a, b}) }
func (e *emitter) mul(a, b string) string { return e.emit("Mul", []string{a, b}) }
func (e *emitter) div(a, b string) string { return e.emit("Div", []string{a, b}) }
func (e *emitter) fn(op, a string) string { return e.emit(op, []string{a}) }
func (e *emitter) reshape(a string, to []int) string {
	return e.emit("Reshape", []string{a, e.vector(to)})
}

func (e *emitter) transpose(a string, perm ...int) string {
	return e.emit("Transpose", []string{a}, onnx.IntsAttr("perm", wide(perm)...))
}

func wide(v []int) []int64 {
	out := make([]int64, len(v))
	for i, n := range v {
		out[i] = int64(n)
	}
	return out
}
