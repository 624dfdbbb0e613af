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

// importSelu is gamma·(x for x > 0, alpha·(eˣ-1) below).
func importSelu(c *call) []*Value {
	g := c.g()
	y := g.elu(c.in(0), c.float("alpha", 1.6732632), 1)
	return one(g.Mul(y, scalar(c.float("gamma", 1.050701))))
}

// importCelu is x for x > 0 and alpha·(e^(x/alpha)-1) below.
func importCelu(c *call) []*Value {
	a := c.float("alpha", 1)
	return one(c.g().elu(c.in(0), a, a))
}

// importElu is x for x ≥ 0 and alpha·(eˣ-1) below.
func importElu(c *call) []*Value {
	return one(c.g().elu(c.in(0), c.float("alpha", 1), 1))
}

// elu is x for x > 0 and a·(e^(x/s)-1) below.
func (g *Graph) elu(x *Value, a, s float32) *Value {
	over := g.emit(Binary{kernel.Greater}, x, scalar(0))
	low := g.emit(Binary{kernel.Min}, x, scalar(0))
	if s != 1 {
		low = g.Div(low, scalar(s))
	}
	low = g.Mul(g.Sub(g.Map(kernel.Exp, low), scalar(1)), scalar(a))
	return g.emit(Where{}, over, x, low)
}

// importShrink moves |x| > lambd towards zero by bias and sets the rest to zero.
func importShrink(c *call) []*Value {
	g, x := c.g(), c.in(0)
	lim, bias := c.float("lambd", 0.5), c.float("bias", 0)
	low := g.emit(Where{}, g.emit(Binary{kernel.Less}, x, scalar(-lim)), g.Add(x, scalar(bias)), scalar(0))
	return one(g.emit(Where{}, g.emit(Binary{kernel.Greater}, x, scalar(lim)), g.Sub(x, scalar(bias)), low))
}

// The hyperbolic and inverse functions are formed from those there are.
func importSinh(c *call) []*Value { return one(c.g().expHalves(c.in(0), kernel.Sub)) }
func importCosh(c *call) []*Value { return one(c.g().expHalves(c.in(0), kernel.Add)) }

func (g *Graph) expHalves(x *Value, fn kernel.Binary) *Value {
	y := g.emit(Binary{fn}, g.Map(kernel.Exp, x), g.Map(kernel.Exp, g.Neg(x)))
	return g.Mul(y, scalar(0.5))
}

func importAsin(c *call) []*Value { return one(c.g().asin(c.in(0))) }

func (g *Graph) asin(x *Value) *Value { // atan(x/√(1-x²))
	return g.Map(kernel.Atan, g.Mul(x, g.Map(kernel.ReciprocalSqrt, g.Sub(scalar(1), g.Map(kernel.Square, x)))))
}

func importAcos(c *call) []*Value {
	return one(c.g().Sub(scalar(math.Pi/2), c.g().asin(c.in(0))))
}

func importAsinh(c *call) []*Value {
	g, x := c.g(), c.in(0)
	return one(g.Map(kernel.Log, g.Add(x, g.Map(kernel.Sqrt, g.Add(g.Map(kernel.Square, x), scalar(1))))))
}

func importAcosh(c *call) []*Value {
	g, x := c.g(), c.in(0)
	return one(g.Map(kernel.Log, g.Add(x, g.Map(kernel.Sqrt, g.Sub(g.Map(kernel.Square, x), scalar(1))))))
}

func importAtanh(c *call) []*Value {
	g, x := c.g(), c.in(0)
	y := g.Map(kernel.Log, g.Div(g.Add(scalar(1), x), g.Sub(scalar(1), x)))
	return one(g.Mul(y, scalar(0.5)))
}

// importIsInf tells infinities, of both signs unless an attribute leaves one out.
func importIsInf(c *call) []*Value {
	g, x := c.g(), c.in(0)
	hit := g.emit(Cast{Bool}, g.Map(kernel.IsInf, x))
	if c.int("detect_negative", 1) == 0 {
		hit = g.emit(Logic{"and"}, hit, g.emit(Binary{kernel.Greater}, x, scalar(0)))
	}
	if c.int("detect_positive", 1) == 0 {
		hit = g.emit(Logic{"and"}, hit, g.emit(Binary{kernel.Less}, x, scalar(0)))
	}
	return one(hit)
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
		return one(c.g().binary(kernel.Mod, c.in(0), c.in(1)))
	}
	return one(c.g().binary(kernel.FloorMod, c.in(0), c.in(1)))
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

func importCast(c *call) []*Value {
	to := c.int("to", 0)
	if to <= 0 || to > math.MaxInt32 {
		fail("attribute to is %d, which is no element type", to)
	}
	return c.cast(onnx.DType(to))
}

func importCastLike(c *call) []*Value { return c.cast(c.elem(1)) }

// cast converts between the three types there are; the declared one is kept for quantisation. Narrow
// floats are computed in float32.
func (c *call) cast(to onnx.DType) []*Value {
	x := c.in(0)
	d := Int64
	switch {
	case to.IsFloat() || to == onnx.Undefined:
		d = Float32
	case to == onnx.Bool:
		d = Bool
	case !to.IsInt():
		fail("cast to %s is not supported", to)
	}
	y := x
	if x.DType != d {
		y = c.g().emit(Cast{d}, x)
	} else if x.Const != nil {
		y = Constant(x.Const)
	}
	if y != x {
		c.im.elem[y] = to
	}
	return one(y)
}
