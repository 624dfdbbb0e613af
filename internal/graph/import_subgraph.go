package graph

import (
	"maps"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

const (
	maxInline = 32      // nesting of functions and branches
	maxWork   = 1 << 24 // names copied on the way into them
)

// functions indexes the model's local functions.
func (im *importer) functions() {
	im.funcs = map[string]*onnx.Function{}
	for _, f := range im.model.Functions {
		name := f.Name
		if f.Domain != "" {
			name = f.Domain + ":" + name
		}
		im.funcs[name] = f
	}
}

// nested runs body in a scope of its own and restores the outer one.
func (im *importer) nested(scope map[string][]*Value, body func()) {
	if im.depth >= maxInline {
		fail("functions and branches are nested deeper than %d", maxInline)
	}
	if im.work += len(scope) + len(im.init); im.work > maxWork {
		fail("functions, branches and loops are entered too often")
	}
	outer, init, what := im.scope, im.init, *im.what
	im.scope, im.init = scope, maps.Clone(im.init)
	im.depth++
	body()
	im.depth--
	im.scope, im.init, *im.what = outer, init, what
}

// inline imports the body of a function in place of a node that calls it.
func (im *importer) inline(n *onnx.Node, f *onnx.Function) []*Value {
	scope := map[string][]*Value{}
	for i, name := range f.Inputs {
		if i < len(n.Inputs) && n.Inputs[i] != "" {
			scope[name] = im.get(n.Inputs[i])
		}
	}
	outs := make([]*Value, len(f.Outputs))
	opsets := im.opsets
	im.nested(scope, func() {
		if len(f.Opsets) > 0 {
			im.opsets = f.Opsets
		}
		for _, b := range f.Nodes {
			im.node(withAttrs(b, n, f))
		}
		for i, name := range f.Outputs {
			if v := im.get(name); len(v) == 1 {
				outs[i] = v[0]
			}
		}
	})
	im.opsets = opsets
	return outs
}

// withAttrs is a body node with its references to the function's attributes resolved.
func withAttrs(b, call *onnx.Node, f *onnx.Function) *onnx.Node {
	out := *b
	out.Attrs = maps.Clone(b.Attrs)
	for name, a := range b.Attrs {
		if a.Ref == "" {
			continue
		}
		v := call.Attrs[a.Ref]
		if v == nil {
			v = f.AttributeDefaults[a.Ref]
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
	outs := make([]*Value, len(a.Graph.Outputs))
	im := c.im
	im.nested(maps.Clone(im.scope), func() {
		im.initializers(a.Graph)
		for _, n := range a.Graph.Nodes {
			im.node(n)
		}
		for i, o := range a.Graph.Outputs {
			if v := im.get(o.Name); len(v) == 1 {
				outs[i] = v[0]
			}
		}
	})
	return outs
}
