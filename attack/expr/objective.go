package expr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Build writes a loss, larger being worse for the defender, as a scalar node of the graph that holds the
// taps' nodes. adv and clean are the activations at the taps of the adversarial and of the clean image, in
// float64: T×D matrices for tokens, E-vectors for the embedding, C×H×W tensors for feature maps.
type Build func(adv, clean []*G.Node) (*G.Node, error)

// Objective is a loss written as an expression.
type Objective struct {
	name  string
	taps  []encoder.Tap
	build Build
}

// New returns the objective. Its name is what it prints; to use it in attack expressions register it
// with [attack.RegisterObjective].
func New(name string, taps []encoder.Tap, build Build) *Objective {
	return &Objective{name, append([]encoder.Tap(nil), taps...), build}
}

// Layers returns the objective on all of an encoder's layers: stem and every block.
func Layers(name string, spec encoder.Spec, build Build) *Objective {
	return New(name, spec.Layers(), build)
}

// String prints the name as an expression without parameters.
func (o *Objective) String() string { return o.name + "()" }

// Bind implements attack.Objective.
func (o *Objective) Bind(encoder.Spec, *attack.Task, int) (attack.Loss, error) {
	if len(o.taps) == 0 || o.build == nil {
		return nil, fmt.Errorf("expr: objective %s needs taps and a loss", o.name)
	}
	return &loss{Objective: o}, nil
}

// loss is the objective at one image.
type loss struct {
	*Objective
	ref []*tensor.Dense
	p   *program
}

func (l *loss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.taps }

func (l *loss) Reference(ref []*tensor.Dense) error {
	l.ref = ref
	return nil
}

func (l *loss) Eval(adv, cot []*tensor.Dense) (v float64, err error) {
	defer func() { // Gorgonia panics on some malformed graphs
		if p := recover(); p != nil {
			err = fmt.Errorf("expr: objective %s: %v", l.name, p)
		}
	}()
	if l.p == nil || !l.p.fits(adv) {
		if l.p, err = compile(l.Objective, adv); err != nil {
			return 0, fmt.Errorf("expr: objective %s: %w", l.name, err)
		}
	}
	if v, err = l.p.run(adv, l.ref); err != nil {
		return 0, fmt.Errorf("expr: objective %s: %w", l.name, err)
	}
	if cot == nil {
		return v, nil
	}
	return v, l.p.gradient(cot)
}

// program is the compiled loss and gradient for activations of fixed shapes.
type program struct {
	shapes     []tensor.Shape
	adv, clean []*tensor.Dense // inputs
	vm         G.VM
	value      G.Value
	grads      []G.Value // per tap; nil where the loss does not use it
	used       []bool
}

func compile(o *Objective, acts []*tensor.Dense) (*program, error) {
	p := &program{grads: make([]G.Value, len(acts)), used: make([]bool, len(acts))}
	g := G.NewGraph()
	var adv, clean []*G.Node
	for i, a := range acts {
		s := a.Shape().Clone()
		if len(s) < 2 || s[0] != 1 {
			return nil, fmt.Errorf("the activation at %s is %v; want batch 1", o.taps[i], s)
		}
		p.shapes = append(p.shapes, s)
		p.adv = append(p.adv, tensor.New(tensor.WithShape(s[1:]...), tensor.Of(tensor.Float64)))
		p.clean = append(p.clean, tensor.New(tensor.WithShape(s[1:]...), tensor.Of(tensor.Float64)))
		name := strings.ReplaceAll(string(o.taps[i]), ".", "_")
		adv = append(adv, G.NodeFromAny(g, p.adv[i], G.WithName("adv_"+name)))
		clean = append(clean, G.NodeFromAny(g, p.clean[i], G.WithName("clean_"+name)))
	}
	value, err := o.build(adv, clean)
	if err != nil {
		return nil, err
	}
	if value == nil || !value.IsScalar() {
		return nil, errors.New("the loss is not a scalar")
	}
	G.Read(value, &p.value)
	below := ancestors(g, value)
	var wrt []*G.Node
	var of []int
	for i, n := range adv {
		if p.used[i] = below[n.ID()]; p.used[i] {
			wrt, of = append(wrt, n), append(of, i)
		}
	}
	if len(wrt) == 0 {
		return nil, errors.New("the loss uses no adversarial activation")
	}
	nodes, err := G.Grad(value, wrt...)
	if err != nil {
		return nil, err
	}
	for k, n := range nodes {
		G.Read(n, &p.grads[of[k]])
	}
	p.vm = G.NewTapeMachine(g)
	return p, nil
}

// ancestors returns the nodes that a node is computed from.
func ancestors(g *G.ExprGraph, n *G.Node) map[int64]bool {
	seen := map[int64]bool{}
	todo := []int64{n.ID()}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		for it := g.From(id); it.Next(); {
			todo = append(todo, it.Node().ID())
		}
	}
	return seen
}

// fits reports whether activations have the shapes compiled for.
func (p *program) fits(acts []*tensor.Dense) bool {
	for i, a := range acts {
		if !a.Shape().Eq(p.shapes[i]) {
			return false
		}
	}
	return true
}

// run computes loss and gradients.
func (p *program) run(adv, ref []*tensor.Dense) (float64, error) {
	for i := range adv {
		if !ref[i].Shape().Eq(p.shapes[i]) {
			return 0, fmt.Errorf("the clean activation is %v, the adversarial %v", ref[i].Shape(), p.shapes[i])
		}
		widen(p.adv[i].Float64s(), adv[i].Float32s())
		widen(p.clean[i].Float64s(), ref[i].Float32s())
	}
	p.vm.Reset()
	if err := p.vm.RunAll(); err != nil {
		return 0, err
	}
	switch v := p.value.Data().(type) {
	case float64:
		return v, nil
	case []float64:
		return v[0], nil
	}
	return 0, fmt.Errorf("the loss is %T; want float64", p.value.Data())
}

// gradient writes the gradients of the last run.
func (p *program) gradient(cot []*tensor.Dense) error {
	for i, c := range cot {
		out := c.Float32s()
		if !p.used[i] {
			clear(out)
			continue
		}
		g, ok := p.grads[i].Data().([]float64)
		if !ok || len(g) != len(out) {
			return fmt.Errorf("expr: the gradient at tap %d is %v, the activation %v", i, p.grads[i].Shape(), c.Shape())
		}
		for k, v := range g {
			out[k] = float32(v)
		}
	}
	return nil
}

func widen(dst []float64, src []float32) {
	for i, v := range src {
		dst[i] = float64(v)
	}
}
