package graph

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// plan lists, in topological order, the nodes to import: those that the outputs need and that depend on
// no input but the image.
func (im *importer) plan(og *onnx.Graph) []*onnx.Node {
	w := newWalk(og.Nodes)
	known := map[string]bool{}
	for name := range im.scope {
		known[name] = true
	}
	foreign := map[string]bool{}
	seen := map[string]bool{}
	for _, v := range og.Inputs {
		if n := w.producer[v.Name]; n != nil {
			fail("tensor %q is an input and the output of node %q", v.Name, n.Name)
		}
		if seen[v.Name] {
			fail("input %q is declared twice", v.Name)
		}
		seen[v.Name] = true
		if !known[v.Name] {
			foreign[v.Name] = true
		}
	}
	for _, t := range og.Initializers {
		if n := w.producer[t.Name]; n != nil {
			fail("tensor %q is a constant and the output of node %q", t.Name, n.Name)
		}
		known[t.Name] = true
		delete(foreign, t.Name)
	}
	w.known, w.foreign = known, foreign
	for _, v := range og.Outputs {
		w.visit(v.Name, "graph output")
	}
	im.frontier = w.frontier
	return w.order
}

// newWalk indexes nodes by what they produce.
func newWalk(nodes []*onnx.Node) *walk {
	w := &walk{producer: map[string]*onnx.Node{}, state: map[*onnx.Node]int{}}
	for _, n := range nodes {
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			if p := w.producer[name]; p != nil {
				fail("tensor %q is the output of nodes %q and %q", name, p.Name, n.Name)
			}
			w.producer[name] = n
		}
	}
	return w
}

// walk visits producers before consumers.
type walk struct {
	outer          bool // what nothing here produces comes from outside
	producer       map[string]*onnx.Node
	known, foreign map[string]bool
	state          map[*onnx.Node]int // 1 on the stack, 2 done
	order          []*onnx.Node
	frontier       []string // read by nodes that also depend on another input
}

// frame is one node on the walk's explicit stack: graphs may be deep.
type frame struct {
	node *onnx.Node
	need []string
}

func (w *walk) visit(name, reader string) {
	var stack []frame
	push := func(name, reader string) {
		if name == "" || w.known[name] || w.foreign[name] {
			return
		}
		n := w.producer[name]
		if n == nil && w.outer {
			return
		}
		if n == nil {
			fail("%s needs tensor %q, which nothing produces", reader, name)
		}
		switch w.state[n] {
		case 1:
			fail("node %q (%s) is part of a cycle", n.Name, n.OpType)
		case 2:
			return
		}
		w.state[n] = 1
		stack = append(stack, frame{n, needs(n)})
	}
	push(name, reader)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.need) > 0 {
			next := top.need[0]
			top.need = top.need[1:]
			push(next, fmt.Sprintf("node %q (%s)", top.node.Name, top.node.OpType))
			continue
		}
		n := top.node
		stack = stack[:len(stack)-1]
		w.state[n] = 2
		if slices.ContainsFunc(needs(n), func(s string) bool { return w.foreign[s] }) {
			for _, out := range n.Outputs {
				w.foreign[out] = true
			}
			w.frontier = append(w.frontier, needs(n)...)
			continue
		}
		w.order = append(w.order, n)
	}
}

// needs lists the names a node reads, those of its subgraphs included.
func needs(n *onnx.Node) []string {
	names := append([]string(nil), n.Inputs...)
	for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
		if sub := n.Attrs[k].Graph; sub != nil {
			names = append(names, outerNames(sub)...)
		}
	}
	return names
}

// outerNames lists what a subgraph reads from its surroundings.
func outerNames(g *onnx.Graph) []string {
	own := map[string]bool{"": true}
	for _, v := range g.Inputs {
		own[v.Name] = true
	}
	for _, t := range g.Initializers {
		own[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			own[o] = true
		}
	}
	var names []string
	add := func(s string) {
		if !own[s] {
			own[s] = true
			names = append(names, s)
		}
	}
	for _, n := range g.Nodes {
		for _, s := range needs(n) {
			add(s)
		}
	}
	for _, v := range g.Outputs {
		add(v.Name)
	}
	return names
}
