// Package graph holds a typed operator graph for one image at a fixed input size: its import from
// ONNX with constant folding, its fusion, and reverse-mode differentiation from graph to graph.
package graph

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/filemap"
)

// Value is one array in the graph. Const is set for constants, Def for results of a node; a value with
// neither is an input.
type Value struct {
	Name  string // the ONNX tensor it came from, if any
	DType DType
	Shape []int
	Const *Tensor
	Def   *Node
	Param bool // a constant whose elements change between runs: nothing that reads it is folded
}

func (v *Value) String() string {
	name := v.Name
	if name == "" {
		name = "value"
	}
	return fmt.Sprintf("%s %v", name, v.Shape)
}

// Node applies an operator.
type Node struct {
	Op   Op
	Name string // the ONNX node it came from, if any
	In   []*Value
	Out  []*Value
}

// Type is the element type and shape of a value.
type Type struct {
	DType DType
	Shape []int
}

// Op is an operator: a small comparable or pointer value that knows its result types and how to run.
type Op interface {
	// String is the operator's name with its parameters.
	String() string
	// Infer gives the result types, or an error that says which input is wrong.
	Infer(in []*Value) ([]Type, error)
	// Bind returns the function that computes out from in; both keep their memory for the function's
	// life. An entry of out is nil when nobody reads that result.
	Bind(b *Binder, in, out []*Tensor) func()
}

// Differentiable is an operator with a vector-Jacobian product.
type Differentiable interface {
	Op
	// Grad returns the cotangent of each input (nil for none or zero), given those of the outputs (nil
	// for zero). need says which inputs matter.
	Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value
}

// Graph is a list of nodes in topological order with named values.
type Graph struct {
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node
	Names   map[string]*Value // ONNX tensor name to value
	Image   Image             // how the ONNX file takes its image
	Turned  []*Node           // that turn back what fusion computes with its axes in another order

	reshapes map[*Value][]*Value // reshapes made so far, by what they reshape

	origin *provenance // nil where constants are not traced back to the file

	budget int    // elements that constant folding may still allocate
	at     string // what is being built, for error messages
}

// New returns an empty graph whose constant folding may allocate at most budget elements.
func New(budget int) *Graph {
	return &Graph{Names: map[string]*Value{}, reshapes: map[*Value][]*Value{}, budget: budget}
}

// Input adds an input.
func (g *Graph) Input(name string, d DType, shape ...int) *Value {
	v := &Value{Name: name, DType: d, Shape: shape}
	g.Inputs = append(g.Inputs, v)
	if name != "" {
		g.Names[name] = v
	}
	return v
}

// Constant makes a constant value.
func Constant(t *Tensor) *Value { return &Value{DType: t.DType, Shape: t.Shape, Const: t} }

// fault is an error on its way up through graph building.
type fault struct{ error }

func fail(format string, args ...any) { panic(fault{fmt.Errorf(format, args...)}) }

func check(err error) {
	if err != nil {
		panic(fault{err})
	}
}

// Catch turns a failure of graph building into *err; it is deferred by every function of the API that
// builds. Anything else that goes wrong inside is reported the same way: a model must not be able to
// stop the program.
func Catch(what *string, err *error) {
	switch r := recover().(type) {
	case nil:
	case fault:
		*err = prefix(*what, r.error)
	case runtime.Error:
		if lost := filemap.Lost(r); lost != nil {
			*err = prefix(*what, lost)
			return
		}
		*err = prefix(*what, fmt.Errorf("malformed graph: %w", r))
	default:
		panic(r)
	}
}

func prefix(what string, err error) error {
	if what == "" {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// ErrTooLarge is wrapped by errors about values that exceed the graph's memory budget.
var ErrTooLarge = errors.New("too large")

const maxElements = 1 << 28 // of one value

// Emit appends a node, or computes it at once when all its inputs are constant.
func (g *Graph) Emit(op Op, in ...*Value) []*Value {
	types, err := op.Infer(in)
	if err != nil {
		fail("%s: %w", op, err)
	}
	n := &Node{Op: op, Name: g.at, In: in}
	for _, t := range types {
		if Size(t.Shape) > maxElements {
			fail("%s: a result of shape %v is %w", op, t.Shape, ErrTooLarge)
		}
		n.Out = append(n.Out, &Value{DType: t.DType, Shape: t.Shape, Def: n})
	}
	if allConst(in) && foldable(op) {
		g.fold(n)
		return n.Out
	}
	g.Nodes = append(g.Nodes, n)
	return n.Out
}

// emit is Emit for operators with one result that matters.
func (g *Graph) emit(op Op, in ...*Value) *Value { return g.Emit(op, in...)[0] }

func allConst(in []*Value) bool {
	for _, v := range in {
		if v != nil && (v.Const == nil || v.Param) {
			return false
		}
	}
	return true
}

func foldable(op Op) bool {
	_, source := op.(interface{ source() })
	return !source
}

// fold runs n on its constant inputs and makes its results constants.
func (g *Graph) fold(n *Node) {
	in := make([]*Tensor, len(n.In))
	for i, v := range n.In {
		if v != nil {
			in[i] = v.Const
		}
	}
	out := make([]*Tensor, len(n.Out))
	for i, v := range n.Out {
		if _, alias := n.Op.(Reshape); alias {
			out[i] = in[0].Reshaped(v.Shape...)
			continue
		}
		out[i] = g.allocate(v.DType, v.Shape...)
	}
	if run := n.Op.Bind(NewBinder(nil), in, out); run != nil {
		run()
	}
	for i, v := range n.Out {
		v.Const, v.Def = out[i], nil
	}
	g.origin.note(n)
}

// allocate makes a constant within what folding may still take.
func (g *Graph) allocate(d DType, shape ...int) *Tensor {
	size := Size(shape)
	if size > g.budget {
		fail("a constant of shape %v is %w for this model", shape, ErrTooLarge)
	}
	g.budget -= size
	return NewTensor(d, shape...)
}

// Users lists, for every value, the nodes that read it.
func (g *Graph) Users() map[*Value][]*Node {
	u := make(map[*Value][]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && !slices.Contains(u[v], n) {
				u[v] = append(u[v], n)
			}
		}
	}
	return u
}

// Prune drops every node that no output depends on.
func (g *Graph) Prune() {
	live := map[*Value]bool{}
	for _, v := range g.Outputs {
		live[v] = true
	}
	keep := len(g.Nodes)
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !slices.ContainsFunc(n.Out, func(v *Value) bool { return live[v] }) {
			continue
		}
		for _, v := range n.In {
			live[v] = true
		}
		keep--
		g.Nodes[keep] = n
	}
	g.Nodes = slices.Delete(g.Nodes, 0, keep)
	clear(g.reshapes) // some may be gone
}

// Clone copies the graph's structure for the given outputs; constants are shared. It also returns the
// copy of every value.
func (g *Graph) Clone(outputs []*Value) (*Graph, map[*Value]*Value) {
	c := New(g.budget)
	c.origin = g.origin
	c.Image = g.Image
	m := make(map[*Value]*Value, len(g.Nodes))
	dup := func(v *Value) *Value {
		if v == nil {
			return nil
		}
		if w, ok := m[v]; ok {
			return w
		}
		w := &Value{Name: v.Name, DType: v.DType, Shape: v.Shape, Const: v.Const, Param: v.Param}
		m[v] = w
		return w
	}
	for _, v := range g.Inputs {
		c.Inputs = append(c.Inputs, dup(v))
	}
	for _, n := range g.Nodes {
		k := &Node{Op: n.Op, Name: n.Name}
		for _, v := range n.In {
			k.In = append(k.In, dup(v))
		}
		for _, v := range n.Out {
			w := dup(v)
			w.Def = k
			k.Out = append(k.Out, w)
		}
		c.Nodes = append(c.Nodes, k)
	}
	for _, v := range outputs {
		c.Outputs = append(c.Outputs, dup(v))
	}
	for name, v := range g.Names {
		c.Names[name] = dup(v)
	}
	c.Prune()
	return c, m
}

// Replace makes every reader of old, and every output that is old, use v instead.
func (g *Graph) Replace(old, v *Value) {
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if in == old {
				n.In[i] = v
			}
		}
	}
	for i, out := range g.Outputs {
		if out == old {
			g.Outputs[i] = v
		}
	}
	for name, named := range g.Names {
		if named == old {
			g.Names[name] = v
		}
	}
	if v.Name == "" {
		v.Name = old.Name
	}
}

// Alias tells whether the node's result is a piece of its first input's memory, from element off on.
func (n *Node) Alias() (off int, ok bool) {
	if n.Out[0].DType != Float32 {
		return 0, false
	}
	switch op := n.Op.(type) {
	case Reshape:
		return 0, true
	case Slice:
		return op.contiguous(n.In[0].Shape)
	}
	return 0, false
}
