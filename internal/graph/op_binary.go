package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Binary applies a function of two arguments with ONNX broadcasting.
type Binary struct{ Fn kernel.Binary }

func (o Binary) String() string { return o.Fn.String() }

func (o Binary) Infer(in []*Value) ([]Type, error) {
	shape, err := BroadcastShape(in[0].Shape, in[1].Shape)
	d := in[0].DType
	if in[1].DType == Float32 {
		d = Float32
	}
	if isComparison(o.Fn) {
		d = Bool
	}
	return []Type{{d, shape}}, err
}

func isComparison(fn kernel.Binary) bool {
	switch fn {
	case kernel.Equal, kernel.NotEqual, kernel.Less, kernel.Greater, kernel.LessOrEqual, kernel.GreaterOrEqual:
		return true
	}
	return false
}

func (o Binary) Bind(b *Binder, in, out []*Tensor) func() {
	x, y, z := in[0], in[1], out[0]
	if x.DType != Float32 || z.DType != Float32 {
		return func() { o.general(z, x, y) }
	}
	p, err := kernel.NewBroadcast(z.Shape, x.Shape, y.Shape)
	check(err)
	return func() { p.Apply(o.Fn, z.F, x.F, y.F) }
}

// general is the slow path for integers, booleans and comparisons.
func (o Binary) general(z, x, y *Tensor) {
	sx, sy := broadcastStrides(x.Shape, z.Shape), broadcastStrides(y.Shape, z.Shape)
	eachIndex(z.Shape, func(i int, idx []int) {
		jx, jy := dot(idx, sx), dot(idx, sy)
		switch {
		case x.DType == Float32:
			z.I[i] = compare(o.Fn, float64(x.F[jx]), float64(y.F[jy]))
		case z.DType == Bool && isComparison(o.Fn):
			z.I[i] = compare(o.Fn, float64(x.I[jx]), float64(y.I[jy]))
		default:
			z.I[i] = intBinary(o.Fn, x.I[jx], y.I[jy])
		}
	})
}

func compare(fn kernel.Binary, a, b float64) int64 {
	r := false
	switch fn {
	case kernel.Equal:
		r = a == b
	case kernel.NotEqual:
		r = a != b
	case kernel.Less:
		r = a < b
	case kernel.Greater:
		r = a > b
	case kernel.LessOrEqual:
		r = a <= b
	case kernel.GreaterOrEqual:
		r = a >= b
	}
	if r {
		return 1
	}
	return 0
}

func intBinary(fn kernel.Binary, a, b int64) int64 {
	switch fn {
	case kernel.Add:
		return a + b
	case kernel.Sub:
		return a - b
	case kernel.Mul:
		return a * b
	case kernel.Div:
		if b == 0 {
			fail("integer division by zero")
		}
		return a / b
	case kernel.Mod:
		if b == 0 {
			fail("integer remainder by zero")
		}
		return a % b
	case kernel.FloorMod:
		if b == 0 {
			fail("integer remainder by zero")
		}
		if m := a % b; m != 0 && (m < 0) != (b < 0) {
			return m + b
		}
		return a % b
	case kernel.Pow:
		return int64(math.Round(math.Pow(float64(a), float64(b))))
	case kernel.Min:
		return min(a, b)
	case kernel.Max:
		return max(a, b)
	}
	fail("%s is not defined for integers", fn)
	return 0
}

// eachIndex calls f for every index of a shape in row-major order.
func eachIndex(shape []int, f func(i int, idx []int)) {
	idx := make([]int, len(shape))
	for i := range Size(shape) {
		f(i, idx)
		for d := len(shape) - 1; d >= 0; d-- {
			idx[d]++
			if idx[d] < shape[d] {
				break
			}
			idx[d] = 0
		}
	}
}

func dot(a, b []int) int {
	s := 0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func (o Binary) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	d := dy[0]
	if d == nil {
		return []*Value{nil, nil}
	}
	x, y, z := n.In[0], n.In[1], n.Out[0]
	out := make([]*Value, 2)
	if need[0] {
		out[0] = g.unbroadcast(o.gradX(g, d, x, y), x.Shape)
	}
	if need[1] {
		out[1] = g.unbroadcast(o.gradY(g, d, x, y, z), y.Shape)
	}
	return out
}

func (o Binary) gradX(g *Graph, d, x, y *Value) *Value {
	switch o.Fn {
	case kernel.Add, kernel.Sub:
		return d
	case kernel.Mul:
		return g.Mul(d, y)
	case kernel.Div:
		return g.Div(d, y)
	case kernel.Pow: // y·x^(y-1)
		return g.Mul(d, g.Mul(y, g.Pow(x, g.Sub(y, scalar(1)))))
	case kernel.Min:
		return g.masked(d, kernel.LessOrEqual, x, y)
	case kernel.Max:
		return g.masked(d, kernel.GreaterOrEqual, x, y)
	case kernel.Mod, kernel.FloorMod:
		return d
	case kernel.PRelu:
		return g.emit(Where{}, g.emit(Binary{kernel.GreaterOrEqual}, x, scalar(0)), d, g.Mul(d, y))
	}
	fail("%s has no gradient", o)
	return nil
}

func (o Binary) gradY(g *Graph, d, x, y, z *Value) *Value {
	switch o.Fn {
	case kernel.Add:
		return d
	case kernel.Sub:
		return g.Neg(d)
	case kernel.Mul:
		return g.Mul(d, x)
	case kernel.Div:
		return g.Neg(g.Div(g.Mul(d, z), y))
	case kernel.Pow: // x^y·ln x
		return g.Mul(d, g.Mul(z, g.Map(kernel.Log, x)))
	case kernel.Min:
		return g.masked(d, kernel.Greater, x, y)
	case kernel.Max:
		return g.masked(d, kernel.Less, x, y)
	case kernel.FloorMod: // x - y·⌊x/y⌋
		return g.Neg(g.Mul(d, g.Map(kernel.Floor, g.Div(x, y))))
	case kernel.Mod: // x - y·trunc(x/y)
		q := g.Div(x, y)
		return g.Neg(g.Mul(d, g.Mul(g.Map(kernel.Sign, q), g.Map(kernel.Floor, g.Map(kernel.Abs, q)))))
	case kernel.PRelu:
		return g.masked(g.Mul(d, x), kernel.Less, x, scalar(0))
	}
	fail("%s has no gradient", o)
	return nil
}

// masked is d where x fn y holds, else 0.
func (g *Graph) masked(d *Value, fn kernel.Binary, x, y *Value) *Value {
	return g.emit(Where{}, g.emit(Binary{fn}, x, y), d, scalar(0))
}

func scalar(v float32) *Value { return Constant(Scalar(v)) }

// Add, Sub, Mul, Div, Pow, Neg and Map append the operator of that name.
func (g *Graph) Add(x, y *Value) *Value               { return g.emit(Binary{kernel.Add}, x, y) }
func (g *Graph) Sub(x, y *Value) *Value               { return g.emit(Binary{kernel.Sub}, x, y) }
func (g *Graph) Mul(x, y *Value) *Value               { return g.emit(Binary{kernel.Mul}, x, y) }
func (g *Graph) Div(x, y *Value) *Value               { return g.emit(Binary{kernel.Div}, x, y) }
func (g *Graph) Pow(x, y *Value) *Value               { return g.emit(Binary{kernel.Pow}, x, y) }
func (g *Graph) Neg(x *Value) *Value                  { return g.Map(kernel.Neg, x) }
func (g *Graph) Map(fn kernel.Unary, x *Value) *Value { return g.emit(Unary{fn}, x) }

// unbroadcast sums d over the axes along which a tensor of the given shape was repeated.
func (g *Graph) unbroadcast(d *Value, shape []int) *Value {
	if SameShape(d.Shape, shape) {
		return d
	}
	var axes []int
	lead := len(d.Shape) - len(shape)
	for i := range d.Shape {
		if i < lead || shape[i-lead] == 1 && d.Shape[i] != 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) > 0 {
		d = g.emit(newReduce(kernel.Sum, axes, true), d)
	}
	d = g.Reshape(d, shape)
	return d
}
