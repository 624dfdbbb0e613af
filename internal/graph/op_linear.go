package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Linear is y = Act(x·W + bias) + residual over the last axis of x, with a constant W that is packed
// once. Inputs: x [...,K], W [K,N] ([N,K] with TransW), then bias [N] if Bias, then a constant scale if Scale
// is set, then residual [...,N] if Residual. A second result holds the derivative of Act where Act is set.
type Linear struct {
	TransW, Bias, Residual bool
	Scale                  Scaling
	Act                    kernel.Unary
}

// Scaling says what a linear layer's constant scale multiplies W by, when it is packed.
type Scaling int8

const (
	unscaled       Scaling = iota
	scaledByRow            // row k of W by scale [K], as if x were multiplied
	scaledByColumn         // column n by scale [N], as if x·W were multiplied
)

func (o Linear) String() string {
	s := "Linear"
	if o.TransW {
		s += "ᵀ"
	}
	if o.Bias {
		s += "+bias"
	}
	if o.Scale != unscaled {
		s += "+scale"
	}
	if o.Act != kernel.NoUnary {
		s += "+" + o.Act.String()
	}
	if o.Residual {
		s += "+residual"
	}
	return s
}

func (o Linear) dims(w []int) (k, n int) {
	if o.TransW {
		return w[1], w[0]
	}
	return w[0], w[1]
}

func (o Linear) Infer(in []*Value) ([]Type, error) {
	x, w := in[0], in[1]
	if len(w.Shape) != 2 || len(x.Shape) < 1 {
		return nil, fmt.Errorf("shapes %v and %v do not make a linear layer", x.Shape, w.Shape)
	}
	k, n := o.dims(w.Shape)
	if x.Shape[len(x.Shape)-1] != k {
		return nil, fmt.Errorf("shapes %v and %v do not multiply", x.Shape, w.Shape)
	}
	t := Type{Float32, append(append([]int(nil), x.Shape[:len(x.Shape)-1]...), n)}
	if o.Act == kernel.NoUnary {
		return []Type{t}, nil
	}
	return []Type{t, t}, nil
}

// A product is split among goroutines in multiples of the packed panels' width, no smaller than what
// handing out a part costs.
const (
	panelColumns = 64
	partFLOPs    = 6e6
)

// columnGrain is the smallest number of result columns worth a part of their own.
func columnGrain(rows, k int) int {
	n := int(partFLOPs/float64(2*rows*k))/panelColumns + 1
	return n * panelColumns
}

func (o Linear) Bind(b *Binder, in, out []*Tensor) func() {
	k, n := o.dims(in[1].Shape)
	if k == 0 || n == 0 {
		return func() { clear(out[0].F) }
	}
	packed := o.pack(b.Weights, in, k, n)
	rows := len(in[0].F) / k
	ep := &kernel.Epilogue{Act: o.Act}
	next := 2
	if o.Bias {
		ep.Bias = in[next].F
		next++
	}
	if o.Scale != unscaled {
		next++
	}
	if o.Residual {
		ep.Add, ep.LdAdd = in[next].F, n
	}
	if len(out) > 1 && out[1] != nil {
		ep.Slope, ep.LdSlope = out[1].F, n
	}
	x, y, grain := in[0].F, out[0].F, columnGrain(rows, k)
	scratch := b.Scratch(kernel.GemmPackedScratch(rows, packed, k))
	body := func(w, lo, hi int) {
		kernel.GemmPacked(y, n, x, k, rows, packed, false, ep, lo, hi, scratch(w))
	}
	return func() { b.Workers.Run(n, grain, body) }
}

// pack packs W, scaled if it is to be.
func (o Linear) pack(w *Weights, in []*Tensor, k, n int) *kernel.PackedB {
	if o.Scale == unscaled {
		return w.Pack(in[1].F, k, n, o.TransW)
	}
	return w.packScaled(in[1].F, in[o.scaleAt()].F, k, n, o.TransW, o.Scale)
}

// scaleAt is the position of the scale among the inputs.
func (o Linear) scaleAt() int {
	if o.Bias {
		return 3
	}
	return 2
}

func (o Linear) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	d := dy[0]
	if d == nil {
		return out
	}
	if o.Residual {
		out[len(out)-1] = d
	}
	if o.Act != kernel.NoUnary {
		d = g.emit(Binary{kernel.Mul}, d, n.Out[1])
	}
	x, w := n.In[0], n.In[1]
	if o.Scale != unscaled {
		check(o.scaledGrad(g, n, d, need, out))
		return out
	}
	if need[0] {
		out[0] = g.emit(Linear{TransW: !o.TransW}, d, w)
	}
	rows := func(v *Value) *Value { return g.Reshape(v, rowsOf(v.Shape)) }
	if need[1] {
		a, b := rows(x), rows(d)
		if o.TransW {
			a, b = b, a
		}
		out[1] = g.emit(MatMul{TransA: true, Alpha: 1}, a, b)
	}
	if o.Bias && need[2] {
		out[2] = g.emit(newReduce(kernel.Sum, []int{0}, false), rows(d))
	}
	return out
}

// scaledGrad gives the cotangent of x alone: layers that are trained keep their scale outside.
func (o Linear) scaledGrad(g *Graph, n *Node, d *Value, need []bool, out []*Value) error {
	for i := 1; i <= o.scaleAt(); i++ {
		if need[i] {
			return fmt.Errorf("input %d of a scaled linear layer has no cotangent", i)
		}
	}
	if need[0] {
		back := Linear{TransW: !o.TransW, Scale: scaledByRow}
		if o.Scale == scaledByRow {
			back.Scale = scaledByColumn
		}
		out[0] = g.emit(back, d, n.In[1], n.In[o.scaleAt()])
	}
	return nil
}

// rowsOf flattens all axes but the last.
func rowsOf(shape []int) []int {
	last := shape[len(shape)-1]
	return []int{Size(shape[:len(shape)-1]), last}
}
