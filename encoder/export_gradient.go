package encoder

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Names in exported gradient graphs: the pixels keep the name of the file's input.
const (
	gradientName  = "gradient"
	cotangentName = "cotangent."
	savedName     = "saved."
)

// ExportGradient writes the gradient at the network input as an ONNX model of standard operators (operator
// set 17), for one image of the network's size: inputs are the pixels 1×3×H×W (already normalised) and, for
// each tap, "cotangent.TAP" in the tap's shape; the output is "gradient" 1×3×H×W. Every weight is stored
// once.
func (m *Model) ExportGradient(path string, taps ...Tap) error {
	x, err := m.gradientGraph(taps)
	if err != nil {
		return err
	}
	in := append([]graph.Named{x.pixels}, x.cots...)
	out, err := x.g.ONNX("gradient of "+m.spec.Name, x.g.Nodes, in, []graph.Named{{Name: gradientName, Value: x.grad}})
	return m.saveExport(out, err, path)
}

// ExportGradientParts writes the same in two models, so that a loss can be computed in between: forward
// gives the taps and the tensors "saved.N" that backward takes beside the cotangents.
func (m *Model) ExportGradientParts(forward, backward string, taps ...Tap) error {
	x, err := m.gradientGraph(taps)
	if err != nil {
		return err
	}
	early, late := x.g.Nodes[:x.forward], x.g.Nodes[x.forward:]
	saved := savedBetween(early, late, x)
	fwd, err := x.g.ONNX("forward of "+m.spec.Name, early, []graph.Named{x.pixels}, append(slices.Clone(x.outs), saved...))
	if err := m.saveExport(fwd, err, forward); err != nil {
		return err
	}
	in := append(slices.Clone(x.cots), saved...)
	bwd, err := x.g.ONNX("backward of "+m.spec.Name, late, in, []graph.Named{{Name: gradientName, Value: x.grad}})
	return m.saveExport(bwd, err, backward)
}

func (m *Model) saveExport(out *onnx.Model, err error, path string) error {
	if err == nil {
		err = out.Save(path)
	}
	if err != nil {
		return fmt.Errorf("encoder: %s: %w", m.spec.Name, err)
	}
	return nil
}

// gradientExport is a forward and backward graph with its interface.
type gradientExport struct {
	g          *graph.Graph
	forward    int
	pixels     graph.Named
	outs, cots []graph.Named
	grad       *graph.Value
}

// gradientGraph differentiates the encoder for the taps, without operators that only this engine has.
func (m *Model) gradientGraph(taps []Tap) (x *gradientExport, err error) {
	defer filemap.Guard(&err)()
	if len(taps) == 0 {
		return nil, fmt.Errorf("encoder: %s: no taps were asked for", m.spec.Name)
	}
	var want []*graph.Value
	var layouts []layout
	for _, t := range taps {
		v, err := m.resolve(t)
		if err != nil {
			return nil, err
		}
		want, layouts = append(want, v), append(layouts, m.layoutOf(t, v))
	}
	g, _ := m.base.Clone(want)
	x = &gradientExport{g: g}
	fail := func(err error) (*gradientExport, error) {
		return nil, fmt.Errorf("encoder: %s: taps %s: %w", m.spec.Name, joinTaps(taps), err)
	}
	if err := g.FuseForExport(); err != nil {
		return fail(err)
	}
	x.pixels = graph.Named{Name: g.Inputs[0].Name, Value: g.Inputs[0]}
	outs := slices.Clone(g.Outputs)
	var inputs, cots []*graph.Value
	for i, v := range outs {
		in := g.Input("", graph.Float32, layouts[i].shape...)
		inputs = append(inputs, in)
		x.cots = append(x.cots, graph.Named{Name: cotangentName + string(taps[i]), Value: in})
		x.outs = append(x.outs, graph.Named{Name: string(taps[i]), Value: g.Reshape(v, layouts[i].shape)})
	}
	x.forward = len(g.Nodes)
	for i, v := range outs {
		cots = append(cots, g.Reshape(inputs[i], v.Shape))
	}
	grads, err := g.Backprop(outs, cots, g.Inputs[:1], nil)
	if err != nil {
		return fail(err)
	}
	x.grad = grads[0]
	x.prune()
	return x, nil
}

// prune drops what neither the gradient nor a tap needs, keeping count of the forward nodes.
func (x *gradientExport) prune() {
	first := map[*graph.Node]bool{}
	for _, n := range x.g.Nodes[:x.forward] {
		first[n] = true
	}
	x.g.Outputs = []*graph.Value{x.grad}
	for _, o := range x.outs {
		x.g.Outputs = append(x.g.Outputs, o.Value)
	}
	x.g.Prune()
	x.forward = 0
	for _, n := range x.g.Nodes {
		if first[n] {
			x.forward++
		}
	}
}

// savedBetween lists the values of the early nodes, and the pixels, that late nodes read.
func savedBetween(early, late []*graph.Node, x *gradientExport) (saved []graph.Named) {
	before := map[*graph.Value]bool{x.pixels.Value: true}
	for _, n := range early {
		for _, v := range n.Out {
			before[v] = true
		}
	}
	seen := map[*graph.Value]bool{}
	for _, n := range late {
		for _, v := range n.In {
			if v != nil && v.Const == nil && before[v] && !seen[v] {
				seen[v] = true
				saved = append(saved, graph.Named{Name: fmt.Sprint(savedName, len(saved)), Value: v})
			}
		}
	}
	return saved
}
