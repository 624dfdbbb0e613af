package graph

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// standardUnary are the functions with an operator of their own.
var standardUnary = map[kernel.Unary]string{
	kernel.Neg: "Neg", kernel.Abs: "Abs", kernel.Exp: "Exp", kernel.Log: "Log", kernel.Sqrt: "Sqrt", kernel.Reciprocal: "Reciprocal",
	kernel.Tanh: "Tanh", kernel.Sigmoid: "Sigmoid", kernel.Erf: "Erf", kernel.Relu: "Relu", kernel.Sin: "Sin", kernel.Cos: "Cos",
	kernel.Tan: "Tan", kernel.Atan: "Atan", kernel.Softplus: "Softplus", kernel.Softsign: "Softsign", kernel.Floor: "Floor",
	kernel.Ceil: "Ceil", kernel.Round: "Round", kernel.Sign: "Sign", kernel.HardSwish: "HardSwish",
}

// unary writes a function of one argument.
func (e *emitter) unary(fn kernel.Unary, x string) string {
	if op, ok := standardUnary[fn]; ok {
		return e.fn(op, x)
	}
	switch fn {
	case kernel.NoUnary:
		return x
	case kernel.Square:
		return e.mul(x, x)
	case kernel.ReciprocalSqrt:
		return e.fn("Reciprocal", e.fn("Sqrt", x))
	case kernel.GELU:
		return e.mul(x, e.normal(x))
	case kernel.GELUTanh:
		return e.mul(e.mul(x, e.number(0.5)), e.add(e.fn("Tanh", e.tanhArg(x)), e.number(1)))
	case kernel.QuickGELU:
		return e.mul(x, e.fn("Sigmoid", e.mul(x, e.number(quickSlope))))
	case kernel.SiLU:
		return e.mul(x, e.fn("Sigmoid", x))
	case kernel.Mish:
		return e.mul(x, e.fn("Tanh", e.fn("Softplus", x)))
	case kernel.HardSigmoid:
		return e.emit("HardSigmoid", []string{x}, onnx.FloatAttr("alpha", 1./6), onnx.FloatAttr("beta", 0.5))
	case kernel.IsNaN:
		return e.emit("Cast", []string{e.fn("IsNaN", x)}, onnx.IntAttr("to", int64(onnx.Float32)))
	case kernel.IsInf:
		return e.emit("Cast", []string{e.fn("IsInf", x)}, onnx.IntAttr("to", int64(onnx.Float32)))
	}
	fail("%s has no form in standard operators", fn)
	return ""
}

// normal is the normal distribution function.
func (e *emitter) normal(x string) string {
	return e.mul(e.add(e.fn("Erf", e.mul(x, e.number(math.Sqrt2/2))), e.number(1)), e.number(0.5))
}

// tanhArg is √(2/π)·(x + 0.044715·x³).
func (e *emitter) tanhArg(x string) string {
	cubic := e.mul(e.mul(e.mul(x, x), x), e.number(0.044715))
	return e.mul(e.add(x, cubic), e.number(math.Sqrt(2/math.Pi)))
}

// oneMinus is 1 - x.
func (e *emitter) oneMinus(x string) string { return e.sub(e.number(1), x) }

// swishSlope is the derivative of x·σ(a·x): σ·(1 + a·x·(1-σ)).
func (e *emitter) swishSlope(x string, a float64) string {
	ax := x
	if a != 1 {
		ax = e.mul(x, e.number(a))
	}
	s := e.fn("Sigmoid", ax)
	return e.mul(s, e.add(e.mul(ax, e.oneMinus(s)), e.number(1)))
}

// slope writes the derivative of a function at x.
func (e *emitter) slope(fn kernel.Unary, x string) string {
	num := e.number
	switch fn {
	case kernel.Neg:
		return num(-1)
	case kernel.Abs:
		return e.fn("Sign", x)
	case kernel.Exp:
		return e.fn("Exp", x)
	case kernel.Log:
		return e.fn("Reciprocal", x)
	case kernel.Sqrt:
		return e.div(num(0.5), e.fn("Sqrt", x))
	case kernel.Reciprocal:
		return e.fn("Neg", e.fn("Reciprocal", e.mul(x, x)))
	case kernel.ReciprocalSqrt:
		return e.div(num(-0.5), e.mul(x, e.fn("Sqrt", x)))
	case kernel.Square:
		return e.mul(x, num(2))
	case kernel.Tanh:
		y := e.fn("Tanh", x)
		return e.oneMinus(e.mul(y, y))
	case kernel.Sigmoid, kernel.Softplus:
		s := e.fn("Sigmoid", x)
		if fn == kernel.Softplus {
			return s
		}
		return e.mul(s, e.oneMinus(s))
	case kernel.Erf:
		return e.mul(e.fn("Exp", e.fn("Neg", e.mul(x, x))), num(2/math.Sqrt(math.Pi)))
	case kernel.Relu:
		return e.step(x, 0)
	case kernel.Sin:
		return e.fn("Cos", x)
	case kernel.Cos:
		return e.fn("Neg", e.fn("Sin", x))
	case kernel.Tan:
		y := e.fn("Tan", x)
		return e.add(e.mul(y, y), num(1))
	case kernel.Atan:
		return e.fn("Reciprocal", e.add(e.mul(x, x), num(1)))
	case kernel.Softsign:
		d := e.add(e.fn("Abs", x), num(1))
		return e.fn("Reciprocal", e.mul(d, d))
	}
	return e.activationSlope(fn, x)
}

// step is 1 above a number, else 0.
func (e *emitter) step(x string, at float64) string {
	return e.emit("Cast", []string{e.emit("Greater", []string{x, e.number(at)})}, onnx.IntAttr("to", int64(onnx.Float32)))
}

func (e *emitter) activationSlope(fn kernel.Unary, x string) string {
	num := e.number
	switch fn {
	case kernel.GELU: // Φ + x·φ
		density := e.mul(e.fn("Exp", e.mul(e.mul(x, x), num(-0.5))), num(1/math.Sqrt(2*math.Pi)))
		return e.add(e.normal(x), e.mul(x, density))
	case kernel.GELUTanh: // (1+t)/2 + x/2·(1-t²)·u'
		t := e.fn("Tanh", e.tanhArg(x))
		inner := e.mul(e.add(e.mul(e.mul(x, x), num(3*0.044715)), num(1)), num(math.Sqrt(2/math.Pi)))
		tail := e.mul(e.mul(x, e.oneMinus(e.mul(t, t))), inner)
		return e.mul(e.add(e.add(t, num(1)), tail), num(0.5))
	case kernel.QuickGELU:
		return e.swishSlope(x, quickSlope)
	case kernel.SiLU:
		return e.swishSlope(x, 1)
	case kernel.Mish:
		t := e.fn("Tanh", e.fn("Softplus", x))
		return e.add(t, e.mul(e.mul(x, e.fn("Sigmoid", x)), e.oneMinus(e.mul(t, t))))
	case kernel.HardSigmoid:
		return e.mul(e.inside(x), num(1./6))
	case kernel.HardSwish: // (2x+3)/6 inside, 1 above
		ramp := e.mul(e.add(e.mul(x, num(2)), num(3)), num(1./6))
		return e.add(e.mul(e.inside(x), ramp), e.step(x, 3))
	}
	fail("%s has no derivative in standard operators", fn)
	return ""
}

// inside is 1 for -3 < x ≤ 3, else 0.
func (e *emitter) inside(x string) string { return e.sub(e.step(x, -3), e.step(x, 3)) }
