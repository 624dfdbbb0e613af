package kernel

import "math"

// RMSNorm computes y = x/√(mean(x²) + eps)·gamma for rows of n (Zhang and Sennrich, arXiv 1910.07467). gamma has n
// numbers, nil means ones; rstd, if not nil, receives each row's factor. y may be x.
func RMSNorm(y, x, gamma, rstd []float32, rows, n int, eps float32) {
	if !rmsNormFast(y, x, gamma, rstd, rows, n, eps) {
		rmsNormReference(y, x, gamma, rstd, rows, n, float64(eps))
	}
}

// RMSNormGrad computes the input cotangent dx = rstd·(g - x̂·mean(g·x̂)) + add with g = dy·gamma and x̂ = x·rstd.
// add is the cotangent of the residual branch, nil for none. dx may be dy or add.
func RMSNormGrad(dx, dy, x, gamma, rstd, add []float32, rows, n int) {
	if !rmsNormGradFast(dx, dy, x, gamma, rstd, add, rows, n) {
		rmsNormGradReference(dx, dy, x, gamma, rstd, add, rows, n)
	}
}

// RMSNormWeightGrad adds Σ dy·x̂ over rows to dgamma.
func RMSNormWeightGrad(dgamma, dy, x, rstd []float32, rows, n int) {
	rmsNormWeightGradReference(dgamma, dy, x, rstd, rows, n)
}

func rmsNormReference[T Float](y, x, gamma, rstd []T, rows, n int, eps float64) {
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		s := 1 / math.Sqrt(dotReference(x, x)/float64(n)+eps)
		for i, v := range x {
			y[i] = T(affine(float64(v)*s, gamma, nil, i))
		}
		keep(rstd, r, s)
	}
}

func rmsNormGradReference[T Float](dx, dy, x, gamma, rstd, add []T, rows, n int) {
	for r := range rows {
		dx, dy, x := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], x[r*n:(r+1)*n]
		s := float64(rstd[r])
		var dot float64
		for i, v := range dy {
			dot += affine(float64(v), gamma, nil, i) * float64(x[i]) * s
		}
		dot /= float64(n)
		for i, v := range dy {
			d := s * (affine(float64(v), gamma, nil, i) - float64(x[i])*s*dot)
			if add != nil {
				d += float64(add[r*n+i])
			}
			dx[i] = T(d)
		}
	}
}

func rmsNormWeightGradReference[T Float](dgamma, dy, x, rstd []T, rows, n int) {
	var dg [columnBlock]float64
	for c := 0; c < n; c += columnBlock {
		w := min(columnBlock, n-c)
		clear(dg[:])
		for r := range rows {
			x := x[r*n+c : r*n+c+w]
			for j, v := range dy[r*n+c : r*n+c+w] {
				dg[j] += float64(v) * float64(x[j]) * float64(rstd[r])
			}
		}
		accumulate(dgamma, c, dg[:w])
	}
}
