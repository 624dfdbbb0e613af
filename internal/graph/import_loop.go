package graph

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// maxTrips bounds how often a loop is unrolled.
const maxTrips = 4096

// body runs a subgraph on the given inputs and returns its outputs.
func (im *importer) body(sub *onnx.Graph, in [][]*Value) [][]*Value {
	if len(sub.Inputs) < len(in) {
		fail("the body takes %d inputs, %d are given", len(sub.Inputs), len(in))
	}
	outs := make([][]*Value, len(sub.Outputs))
	scope := maps.Clone(im.scope)
	for i, v := range in {
		scope[sub.Inputs[i].Name] = v
	}
	im.nested(scope, func() {
		im.initializers(sub)
		for _, n := range im.order(sub, sub.Nodes, names(sub.Outputs)) {
			im.node(n)
		}
		for i, o := range sub.Outputs {
			outs[i] = im.get(o.Name)
		}
	})
	return outs
}

func names(list []*onnx.ValueInfo) (s []string) {
	for _, v := range list {
		s = append(s, v.Name)
	}
	return s
}

func (c *call) graph(name string) *onnx.Graph {
	a := c.n.Attrs[name]
	if a == nil || a.Graph == nil {
		fail("attribute %q is missing", name)
	}
	return a.Graph
}

// importLoop unrolls a loop whose number of rounds is known when the model is loaded.
func importLoop(c *call) []*Value {
	sub := c.graph("body")
	trips, known := maxTrips+1, false
	if c.has(0) {
		if v := c.constInts(0); len(v) == 1 {
			trips, known = v[0], true
		}
	}
	going := !c.has(1) || truth(c.constant(1), 0)
	var carried [][]*Value
	for i := 2; i < len(c.n.Inputs); i++ {
		carried = append(carried, c.sequence(i))
	}
	if len(sub.Outputs) < 1+len(carried) {
		fail("the body has %d outputs for %d values carried", len(sub.Outputs), len(carried))
	}
	scans := make([][]*Value, len(sub.Outputs)-1-len(carried))
	for i := 0; i < trips && going; i++ {
		if i >= maxTrips {
			fail("the loop runs %s than %d times", map[bool]string{true: "more", false: "without a known end, more"}[known], maxTrips)
		}
		in := append([][]*Value{one(intConst([]int{}, []int64{int64(i)})), one(Constant(boolean(going)))}, carried...)
		outs := c.im.body(sub, in)
		if len(outs[0]) != 1 || outs[0][0].Const == nil {
			fail("the loop's condition depends on the image")
		}
		going = truth(outs[0][0].Const, 0)
		carried = outs[1 : 1+len(carried)]
		for j, v := range outs[1+len(carried):] {
			scans[j] = append(scans[j], v[0])
		}
	}
	return c.give(carried, scans, nil)
}

func boolean(v bool) *Tensor {
	t := NewTensor(Bool)
	if v {
		t.I[0] = 1
	}
	return t
}

// give names a loop's results: carried values, then scanned ones stacked along new axes.
func (c *call) give(carried, scans [][]*Value, axes []int) []*Value {
	var outs []*Value
	for i, v := range carried {
		if len(v) != 1 {
			if i < len(c.n.Outputs) {
				c.im.scope[c.n.Outputs[i]] = v
			}
			outs = append(outs, nil)
			continue
		}
		outs = append(outs, v[0])
	}
	for j, list := range scans {
		if len(list) == 0 {
			fail("a loop without rounds has no scanned result")
		}
		a := 0
		if axes != nil {
			a = axes[j]
		}
		a = axis(a, len(list[0].Shape)+1)
		var rows []*Value
		for _, v := range list {
			rows = append(rows, c.g().Reshape(v, slices.Insert(slices.Clone(v.Shape), a, 1)))
		}
		outs = append(outs, c.g().Concat(a, rows...))
	}
	return outs
}

// importScan unrolls a scan over slices of its inputs.
func importScan(c *call) []*Value {
	sub, m := c.graph("body"), c.int("num_scan_inputs", 0)
	if c.opset() < 9 {
		fail("Scan of operator set %d is not supported", c.opset())
	}
	states := len(c.n.Inputs) - m
	if m < 1 || states < 0 || len(sub.Outputs) < states {
		fail("%d of %d inputs are scanned", m, len(c.n.Inputs))
	}
	var carried [][]*Value
	for i := range states {
		carried = append(carried, one(c.in(i)))
	}
	setting := func(name string, j int) int {
		if v := c.ints(name); j < len(v) {
			return v[j]
		}
		return 0
	}
	scans := make([][]*Value, len(sub.Outputs)-states)
	trips := -1
	for j := range m {
		x := c.in(states + j)
		n := x.Shape[axis(setting("scan_input_axes", j), len(x.Shape))]
		if trips >= 0 && n != trips || n > maxTrips {
			fail("scans of %d and %d rounds", trips, n)
		}
		trips = n
	}
	for i := range trips {
		in := slices.Clone(carried)
		for j := range m {
			x := c.in(states + j)
			a := axis(setting("scan_input_axes", j), len(x.Shape))
			at := i
			if setting("scan_input_directions", j) == 1 {
				at = trips - 1 - i
			}
			row := c.g().SliceAxis(x, a, at, 1)
			in = append(in, one(c.g().Reshape(row, slices.Delete(slices.Clone(row.Shape), a, a+1))))
		}
		outs := c.im.body(sub, in)
		carried = outs[:states]
		for j, v := range outs[states:] {
			scans[j] = append(scans[j], v[0])
		}
	}
	for j := range scans {
		if setting("scan_output_directions", j) == 1 {
			slices.Reverse(scans[j])
		}
	}
	return c.give(carried, scans, c.ints("scan_output_axes"))
}
