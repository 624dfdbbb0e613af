package kernel

import "math"

// unaryTable holds each function and its derivative; a nil derivative means that the function is a step.
var unaryTable = [unaryCount]struct {
	name         string
	value, slope func(x float64) float64
}{
	NoUnary:        {"NoUnary", identity, func(float64) float64 { return 1 }},
	Neg:            {"Neg", func(x float64) float64 { return -x }, func(float64) float64 { return -1 }},
	Abs:            {"Abs", math.Abs, sign},
	Exp:            {"Exp", math.Exp, math.Exp},
	Log:            {"Log", math.Log, func(x float64) float64 { return 1 / x }},
	Sqrt:           {"Sqrt", math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }},
	Reciprocal:     {"Reciprocal", func(x float64) float64 { return 1 / x }, func(x float64) float64 { return -1 / (x * x) }},
	ReciprocalSqrt: {"ReciprocalSqrt", func(x float64) float64 { return 1 / math.Sqrt(x) }, func(x float64) float64 { return -0.5 / (x * math.Sqrt(x)) }},
	Square:         {"Square", func(x float64) float64 { return x * x }, func(x float64) float64 { return 2 * x }},
	Tanh:           {"Tanh", math.Tanh, tanhSlope},
	Sigmoid:        {"Sigmoid", sigmoid, sigmoidSlope},
	Erf:            {"Erf", math.Erf, func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }},
	Relu:           {"Relu", relu, reluSlope},
	GELU:           {"GELU", func(x float64) float64 { return x * normalCDF(x) }, func(x float64) float64 { return normalCDF(x) + finite(x)*normalPDF(x) }},
	GELUTanh:       {"GELUTanh", geluTanh, geluTanhSlope},
	QuickGELU:      {"QuickGELU", func(x float64) float64 { return x * sigmoid(1.702*x) }, func(x float64) float64 { return gateSlope(1.702 * x) }},
	SiLU:           {"SiLU", func(x float64) float64 { return x * sigmoid(x) }, gateSlope},
	Sin:            {"Sin", math.Sin, math.Cos},
	Cos:            {"Cos", math.Cos, func(x float64) float64 { return -math.Sin(x) }},
	Tan:            {"Tan", math.Tan, func(x float64) float64 { t := math.Tan(x); return 1 + t*t }},
	Atan:           {"Atan", math.Atan, func(x float64) float64 { return 1 / (1 + x*x) }},
	Softplus:       {"Softplus", softplus, sigmoid},
	Softsign:       {"Softsign", func(x float64) float64 { return x / (1 + math.Abs(x)) }, func(x float64) float64 { d := 1 + math.Abs(x); return 1 / (d * d) }},
	Mish:           {"Mish", func(x float64) float64 { return x * math.Tanh(softplus(x)) }, mishSlope},
	HardSigmoid:    {"HardSigmoid", hardSigmoid, hardSigmoidSlope},
	HardSwish:      {"HardSwish", func(x float64) float64 { return x * hardSigmoid(x) }, func(x float64) float64 { return hardSigmoid(x) + finite(x)*hardSigmoidSlope(x) }},
	Floor:          {"Floor", math.Floor, nil},
	Ceil:           {"Ceil", math.Ceil, nil},
	Round:          {"Round", math.RoundToEven, nil},
	Sign:           {"Sign", sign, nil},
	Not:            {"Not", func(x float64) float64 { return indicator(x == 0) }, nil},
	IsNaN:          {"IsNaN", func(x float64) float64 { return indicator(x != x) }, nil},
	IsInf:          {"IsInf", func(x float64) float64 { return indicator(math.IsInf(x, 0)) }, nil},
}

func identity(x float64) float64 { return x }

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// sign keeps NaN and the signed zeros.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// relu keeps NaN.
func relu(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return x
}

func reluSlope(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x <= 0:
		return 0
	}
	return x
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// sigmoidSlope is σ(x)·σ(-x), which does not cancel where σ is near 1.
func sigmoidSlope(x float64) float64 { return sigmoid(x) * sigmoid(-x) }

// gateSlope is the derivative of x·σ(cx) written in s = cx: σ(s) + s·σ(s)·σ(-s), the same for every c.
func gateSlope(s float64) float64 { return sigmoid(s) * (1 + finite(s)*sigmoid(-s)) }

// finite makes infinities numbers whose product with what vanishes there is 0, so that slopes are their limits.
func finite(x float64) float64 { return min(max(x, -1e100), 1e100) }

// tanhSlope is 1/cosh², which does not cancel where tanh is near ±1.
func tanhSlope(x float64) float64 { c := math.Cosh(x); return 1 / (c * c) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func normalPDF(x float64) float64 { return math.Exp(-0.5*x*x) / math.Sqrt(2*math.Pi) }

// geluTanhGate is the argument 2·√(2/π)·(x + 0.044715x³) for which GELUTanh is x·σ(argument).
func geluTanhGate(x float64) float64 { return geluTanhScale * (x + geluTanhCube*x*x*x) }

const (
	geluTanhScale = 1.5957691216057307 // 2√(2/π)
	geluTanhCube  = 0.044715
)

func geluTanh(x float64) float64 { return x * sigmoid(geluTanhGate(x)) }

func geluTanhSlope(x float64) float64 {
	x = finite(x)
	g := geluTanhGate(x)
	return sigmoid(g) * (1 + sigmoid(-g)*geluTanhScale*(x+3*geluTanhCube*x*x*x))
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func mishSlope(x float64) float64 {
	s := softplus(x)
	return math.Tanh(s) + finite(x)*tanhSlope(s)*sigmoid(x)
}

func hardSigmoid(x float64) float64 { return min(max(x/6+0.5, 0), 1) }

func hardSigmoidSlope(x float64) float64 {
	switch {
	case x > -3 && x < 3:
		return 1.0 / 6
	case x != x:
		return x
	}
	return 0
}
