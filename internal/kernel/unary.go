package kernel

import "fmt"

// Unary names a function of one number.
type Unary uint8

// The functions Map computes. Where a name has several meanings in the field, the comment says which one is meant.
const (
	NoUnary        Unary = iota // the identity
	Neg                         // -x
	Abs                         // |x|, derivative 0 at 0
	Exp                         // e^x
	Log                         // natural logarithm
	Sqrt                        // √x
	Reciprocal                  // 1/x
	ReciprocalSqrt              // 1/√x
	Square                      // x²
	Tanh                        // hyperbolic tangent
	Sigmoid                     // σ(x) = 1/(1+e^-x)
	Erf                         // error function
	Relu                        // max(x, 0), derivative 0 at 0
	GELU                        // x·Φ(x) with the normal distribution function, Hendrycks and Gimpel, arXiv 1606.08415
	GELUTanh                    // the tanh approximation of GELU, same paper
	QuickGELU                   // x·σ(1.702x), same paper; the activation of the published CLIP weights
	SiLU                        // x·σ(x), also called swish
	Sin                         // sine of radians
	Cos                         // cosine of radians
	Tan                         // tangent of radians
	Atan                        // arc tangent in radians
	Softplus                    // ln(1+e^x)
	Softsign                    // x/(1+|x|)
	Mish                        // x·tanh(softplus(x)), Misra, arXiv 1908.08681
	HardSigmoid                 // min(max(x/6 + 1/2, 0), 1), Howard et al., arXiv 1905.02244 (ONNX's default slope is 0.2)
	HardSwish                   // x·HardSigmoid(x), same paper
	Floor                       // largest integer ≤ x
	Ceil                        // smallest integer ≥ x
	Round                       // nearest integer, halves to even
	Sign                        // -1, 0 or 1
	Not                         // 1 where x is 0, otherwise 0
	IsNaN                       // 1 where x is not a number, otherwise 0
	IsInf                       // 1 where x is infinite, otherwise 0
	unaryCount
)

// String returns the constant's name.
func (u Unary) String() string {
	if u < unaryCount {
		return unaryTable[u].name
	}
	return fmt.Sprintf("Unary(%d)", uint8(u))
}

// Differentiable reports whether MapGrad knows the derivative. It is false for step functions, whose derivative
// is zero wherever it exists: a gradient graph ends there.
func (u Unary) Differentiable() bool { return u < unaryCount && unaryTable[u].slope != nil }

// Map computes y[i] = u(x[i]). y may be x itself but must not overlap it otherwise.
//
// In assembly the relative error is below 8e-8 for Exp, 1.7e-7 for Tanh, Sigmoid and Erf, and 3e-7 for Softplus and GELU;
// GELUTanh, QuickGELU, SiLU and Mish are off by less than 1.2e-7 of the larger of 1 and the result. Results below 1e-37
// may become 0 in all but Exp. What has no assembly is computed in float64 and rounded.
func Map(u Unary, y, x []float32) {
	y = y[:len(x)]
	if u == NoUnary {
		copy(y, x)
		return
	}
	if mapFast(u, y, x) {
		return
	}
	mapReference(u, y, x)
}

// MapGrad computes dx[i] = dy[i]·u'(x[i]) for a differentiable u and panics for another. dx may be dy or x itself. At an
// infinity the slope of an activation is its limit.
func MapGrad(u Unary, dx, dy, x []float32) {
	if !u.Differentiable() {
		panic("kernel: " + u.String() + " has no derivative")
	}
	dx, dy = dx[:len(x)], dy[:len(x)]
	if mapGradFast(u, dx, dy, x) {
		return
	}
	mapGradReference(u, dx, dy, x)
}

// MapBoth computes y[i] = u(x[i]) and s[i] = u'(x[i]) for a differentiable u. y may be x.
func MapBoth(u Unary, y, s, x []float32) {
	y, s = y[:len(x)], s[:len(x)]
	if mapBothFast(u, y, s, x) {
		return
	}
	for i := range s {
		s[i] = 1
	}
	MapGrad(u, s, s, x)
	Map(u, y, x)
}

func mapReference[T Float](u Unary, y, x []T) {
	value := unaryTable[u].value
	for i, v := range x {
		y[i] = T(value(float64(v)))
	}
}

func mapGradReference[T Float](u Unary, dx, dy, x []T) {
	slope := unaryTable[u].slope
	for i, v := range x {
		dx[i] = T(float64(dy[i]) * slope(float64(v)))
	}
}
