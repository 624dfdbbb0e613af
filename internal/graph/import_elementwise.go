package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// importHardSigmoid is max(0, min(1, alpha·x + beta)).
func importHardSigmoid(c *call) []*Value {
	y := c.affine(c.in(0), c.float("alpha", 0.2), c.float("beta", 0.5))
	return one(c.clamp(y, 0, 1))
}

func (c *call) affine(x *Value, a, b float32) *Value {
	return c.g().Add(c.g().Mul(x, scalar(a)), scalar(b))
}

func (c *call) clamp(x *Value, lo, hi float32) *Value {
	x = c.g().emit(Binary{kernel.Max}, x, scalar(lo))
	return c.g().emit(Binary{kernel.Min}, x, scalar(hi))
}

func importGelu(c *call) []*Value {
	switch a := c.str("approximate", "none"); a {
	case "none":
		return one(c.g().Map(kernel.GELU, c.in(0)))
	case "tanh":
		return one(c.g().Map(kernel.GELUTanh, c.in(0)))
	default:
		fail("attribute approximate is %q; known are none and tanh", a)
	}
	return nil
}

// importSwish is x·σ(alpha·x).
func importSwish(c *call) []*Value { return one(c.swish(c.in(0), c.float("alpha", 1))) }

func (c *call) swish(x *Value, alpha float32) *Value {
	switch alpha {
	case 1:
		return c.g().Map(kernel.SiLU, x)
	case quickSlope:
		return c.g().Map(kernel.QuickGELU, x)
	}
	return c.g().Mul(x, c.g().Map(kernel.Sigmoid, c.g().Mul(x, scalar(alpha))))
}

// quickSlope is QuickGELU's slope.
const quickSlope = 1.702

func importLeakyRelu(c *call) []*Value {
	return one(c.g().emit(Binary{kernel.PRelu}, c.in(0), scalar(c.float("alpha", 0.01))))
}

func importPRelu(c *call) []*Value {
	return one(c.g().emit(Binary{kernel.PRelu}, c.in(0), c.in(1)))
}

// importElu is x for x ≥ 0 and alpha·(eˣ-1) below.
func importElu(c *call) []*Value {
	g, x := c.g(), c.in(0)
	low := g.emit(Binary{kernel.Min}, x, scalar(0))
	low = g.Mul(g.Sub(g.Map(kernel.Exp, low), scalar(1)), scalar(c.float("alpha", 1)))
	return one(g.Add(g.Map(kernel.Relu, x), low))
}

func importThresholdedRelu(c *call) []*Value {
	x := c.in(0)
	over := c.g().emit(Binary{kernel.Greater}, x, scalar(c.float("alpha", 1)))
	return one(c.g().emit(Where{}, over, x, scalar(0)))
}

func importClip(c *call) []*Value {
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	if c.opset() < 11 {
		lo, hi = c.float("min", lo), c.float("max", hi)
	} else {
		lo, hi = c.constFloat(1, lo), c.constFloat(2, hi)
	}
	x := c.in(0)
	if !math.IsInf(float64(lo), -1) {
		x = c.g().emit(Binary{kernel.Max}, x, like(x, lo))
	}
	if !math.IsInf(float64(hi), 1) {
		x = c.g().emit(Binary{kernel.Min}, x, like(x, hi))
	}
	return one(x)
}

// like is a scalar of x's type.
func like(x *Value, v float32) *Value {
	if x.DType == Float32 {
		return scalar(v)
	}
	return Constant(&Tensor{DType: Int64, Shape: []int{}, I: []int64{int64(v)}})
}

// importPow spells the common powers as what they are.
func importPow(c *call) []*Value {
	g, x, y := c.g(), c.in(0), c.in(1)
	if y.Const != nil && y.Const.Len() == 1 && x.DType == Float32 && len(y.Shape) <= len(x.Shape) {
		switch element(y.Const, 0) {
		case 2:
			return one(g.Map(kernel.Square, x))
		case 1:
			return one(x)
		case 0.5:
			return one(g.Map(kernel.Sqrt, x))
		case -0.5:
			return one(g.Map(kernel.ReciprocalSqrt, x))
		case -1:
			return one(g.Map(kernel.Reciprocal, x))
		case 3:
			return one(g.Mul(g.Map(kernel.Square, x), x))
		}
	}
	if x.DType == Float32 && y.DType != Float32 {
		y = g.emit(Cast{Float32}, y)
	}
	return one(g.Pow(x, y))
}

func importMod(c *call) []*Value {
	if c.int("fmod", 0) == 1 {
		return one(c.g().emit(Binary{kernel.Mod}, c.in(0), c.in(1)))
	}
	return one(c.g().emit(Binary{kernel.FloorMod}, c.in(0), c.in(1)))
}

func importMean(c *call) []*Value {
	sum := variadic(kernel.Add)(c)[0]
	return one(c.g().Mul(sum, scalar(1/float32(len(c.n.Inputs)))))
}

func importIsNaN(c *call) []*Value {
	return one(c.g().emit(Cast{Bool}, c.g().Map(kernel.IsNaN, c.in(0))))
}

func importWhere(c *call) []*Value {
	return one(c.g().emit(Where{}, c.in(0), c.in(1), c.in(2)))
}

func importCast(c *call) []*Value { return c.cast(onnx.DType(c.int("to", 0))) }

func importCastLike(c *call) []*Value { return c.cast(c.elem(1)) }

// cast converts between the three types there are; the declared one is kept for quantisation. Narrow
// floats are computed in float32.
func (c *call) cast(to onnx.DType) []*Value {
	x := c.in(0)
	c.im.elem[c.n.Outputs[0]] = to
	d := Int64
	switch {
	case to.IsFloat() || to == onnx.Undefined:
		d = Float32
	case to == onnx.Bool:
		d = Bool
	case !to.IsInt():
		fail("cast to %s is not supported", to)
	}
	if x.DType == d {
		return one(x)
	}
	return one(c.g().emit(Cast{d}, x))
}

// importAdd adds; a constant position embedding is fitted to the sequence where the image has another
// size than the model was made for.
func importAdd(c *call) []*Value {
	x, y := c.in(0), c.in(1)
	if c.im.positions != nil {
		x, y = c.fitPositions(x, y), c.fitPositions(y, x)
	}
	return one(c.g().Add(x, y))
}

func (c *call) fitPositions(p, x *Value) *Value {
	r, n := len(p.Shape), len(x.Shape)
	if p.Const == nil || x.Const != nil || r < 2 || n < 2 || p.DType != Float32 {
		return p
	}
	t := Size(x.Shape) / x.Shape[n-1]
	if p.Shape[r-1] != x.Shape[n-1] || Size(p.Shape)/p.Shape[r-1] != p.Shape[r-2] || p.Shape[r-2] == t || p.Shape[r-2] == 1 {
		return p
	}
	out, err := c.im.positions(p.Const, t)
	check(err)
	return Constant(out)
}
