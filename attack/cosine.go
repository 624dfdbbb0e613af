package attack

import "math"

// tiny is the smallest norm a cosine divides by, as in PyTorch's cosine_similarity: below it the norm
// counts as this constant, so that value and gradient stay finite at zero.
const tiny = 1e-8

// cosine returns a·b/(|a||b|) of two vectors with stride step, and with g also adds scale times its
// gradient at a to g:
//
//	∂cos/∂a = (b/|b| − cos·a/|a|)/|a|
//
// Sums run in float64.
func cosine(a, b, g []float32, n, step int, scale float64) float64 {
	var aa, bb, ab float64
	for i, k := 0, 0; k < n; i, k = i+step, k+1 {
		x, y := float64(a[i]), float64(b[i])
		aa += x * x
		bb += y * y
		ab += x * y
	}
	na, nb := math.Sqrt(aa), math.Sqrt(bb)
	ca, cb := max(na, tiny), max(nb, tiny)
	cos := ab / (ca * cb)
	if g == nil {
		return cos
	}
	along := 0.0 // derivative of the norm, nothing where it counts as constant
	if na > tiny {
		along = cos / (ca * ca)
	}
	toB := 1 / (ca * cb)
	for i, k := 0, 0; k < n; i, k = i+step, k+1 {
		g[i] += float32(scale * (float64(toB*float64(b[i])) - float64(along*float64(a[i]))))
	}
	return cos
}
