package graph

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

const (
	maxInline = 32      // nesting of functions and branches
	maxWork   = 1 << 24 // names copied on the way into them
)

// functions indexes the model's local functions.
func (im *importer) functions() {
	im.funcs = map[[2]string]*onnx.Function{}
	for _, f := range im.model.Functions {
		name := f.Name
		if f.Domain != "" {
			name = f.Domain + ":" + name
		}
		im.funcs[[2]string{name, f.Overload}] = f
	}
}

// nested runs body in a scope of its own and restores the outer one.
func (im *importer) nested(scope map[string][]*Value, body func()) {
	if im.depth >= maxInline {
		fail("functions and branches are nested deeper than %d", maxInline)
	}
	im.effort(len(scope) + len(im.init))
	outer, init, what := im.scope, im.init, *im.what
	im.scope, im.init = scope, maps.Clone(im.init)
	im.depth++
	body()
	im.depth--
	im.scope, im.init, *im.what = outer, init, what
}

// effort counts what is done on the way into functions, branches and loops, beside their nodes.
func (im *importer) effort(n int) {
	if im.work += n; im.work > maxWork {
		fail("functions, branches and loops are entered too often")
	}
}

// inline imports the body of a function in place of a node that calls it.
func (im *importer) inline(n *onnx.Node, f *onnx.Function) []*Value {
	scope := map[string][]*Value{}
	absent := map[string]bool{} // inputs that the call leaves out
	for i, name := range f.Inputs {
		if i < len(n.Inputs) && n.Inputs[i] != "" {
			scope[name] = im.get(n.Inputs[i])
		} else {
			absent[name] = true
		}
	}
	outs := make([]*Value, len(f.Outputs))
	opsets := im.opsets
	im.nested(scope, func() {
		im.init = map[string]*onnx.Tensor{} // a function sees nothing of its caller
		if len(f.Opsets) > 0 {
			im.opsets = f.Opsets
		}
		given := bind{im, n, f, absent}
		for _, b := range im.order(f, f.Nodes, f.Outputs) {
			im.node(given.node(b))
		}
		for i, name := range f.Outputs {
			if i < len(n.Outputs) && n.Outputs[i] != "" && !absent[name] {
				outs[i] = im.single(n, i, im.get(name))
			}
		}
	})
	im.opsets = opsets
	return outs
}

// single is a result of a body where it is a tensor; a sequence gets its name later, in the scope around the body.
func (im *importer) single(n *onnx.Node, i int, v []*Value) *Value {
	if len(v) == 1 {
		return v[0]
	}
	im.sequences = append(im.sequences, sequenceResult{n.Outputs[i], v})
	return nil
}

// sequenceResult is a sequence that a body gives to the graph around it.
type sequenceResult struct {
	name string
	list []*Value
}

// order lists the nodes of a body that its outputs need, sorted.
func (im *importer) order(body any, nodes []*onnx.Node, outputs []string) []*onnx.Node {
	list, ok := im.plans[body]
	if !ok {
		im.effort(copyCost * len(nodes))
		w := newWalk(nodes)
		w.outer = true
		for _, name := range outputs {
			w.visit(name, "an output")
		}
		list = w.order
		im.plans[body] = list
	}
	return list
}

// bind puts a call's attributes and inputs in the place of a function's own.
type bind struct {
	im     *importer
	call   *onnx.Node
	f      *onnx.Function
	absent map[string]bool
}

// copyCost is what copying a node of a body weighs against copying a name.
const copyCost = 64

// touches tells whether anything in a body's subgraph is for the call to supply.
func (o bind) touches(g *onnx.Graph) bool {
	if len(o.absent) > 0 {
		return true
	}
	t, ok := o.im.refs[g]
	if !ok {
		t = slices.ContainsFunc(g.Nodes, func(n *onnx.Node) bool {
			for _, a := range n.Attrs {
				if a.Ref != "" || a.Graph != nil && o.touches(a.Graph) {
					return true
				}
			}
			return false
		})
		o.im.refs[g] = t
	}
	return t
}

// node is a body node with its references to the function's attributes resolved, in its subgraphs too.
func (o bind) node(b *onnx.Node) *onnx.Node {
	out := *b
	out.Attrs = maps.Clone(b.Attrs)
	out.Inputs = slices.Clone(b.Inputs)
	for i, name := range out.Inputs {
		if o.absent[name] {
			out.Inputs[i] = ""
		}
	}
	for name, a := range b.Attrs {
		if a.Graph != nil && o.touches(a.Graph) {
			o.im.effort(copyCost * len(a.Graph.Nodes))
			sub, attr := *a.Graph, *a
			sub.Nodes = make([]*onnx.Node, len(a.Graph.Nodes))
			for i, n := range a.Graph.Nodes {
				sub.Nodes[i] = o.node(n)
			}
			attr.Graph = &sub
			out.Attrs[name] = &attr
		}
		if a.Ref == "" {
			continue
		}
		v := o.call.Attrs[a.Ref]
		if v == nil {
			v = o.f.AttributeDefaults[a.Ref]
		}
		if v == nil {
			delete(out.Attrs, name)
			continue
		}
		out.Attrs[name] = v
	}
	return &out
}

// importIf takes the branch that a constant condition selects.
func importIf(c *call) []*Value {
	cond := c.constant(0)
	branch := "else_branch"
	if cond.Len() > 0 && truth(cond, 0) {
		branch = "then_branch"
	}
	a := c.n.Attrs[branch]
	if a == nil || a.Graph == nil {
		fail("attribute %q is missing", branch)
	}
	if len(a.Graph.Outputs) < len(c.n.Outputs) {
		fail("attribute %q has %d results for %d outputs", branch, len(a.Graph.Outputs), len(c.n.Outputs))
	}
	outs := make([]*Value, len(a.Graph.Outputs))
	for i, v := range c.im.body(a.Graph, nil) {
		if i < len(c.n.Outputs) {
			outs[i] = c.im.single(c.n, i, v)
		}
	}
	return outs
}
