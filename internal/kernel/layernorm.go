package kernel

import "math"

// LayerNorm computes y = (x - mean)/√(var + eps)·gamma + beta for rows of n, with the biased variance (Ba, Kiros and
// Hinton, arXiv 1607.06450). gamma and beta have n numbers; nil means ones and zeros. mean and rstd, if not nil,
// receive each row's mean and 1/√(var + eps) for the backward pass. y may be x.
func LayerNorm(y, x, gamma, beta, mean, rstd []float32, rows, n int, eps float32) {
	if !layerNormFast(y, x, gamma, beta, mean, rstd, rows, n, eps) {
		layerNormReference(y, x, gamma, beta, mean, rstd, rows, n, float64(eps))
	}
}

// LayerNormGrad computes the input cotangent dx = rstd·(g - mean(g) - x̂·mean(g·x̂)) + add with g = dy·gamma and
// x̂ = (x - mean)·rstd. mean and rstd are those of the forward pass; add is the cotangent that reaches the same
// input past the normalisation (the residual branch), nil for none. dx may be dy or add.
func LayerNormGrad(dx, dy, x, gamma, mean, rstd, add []float32, rows, n int) {
	if !layerNormGradFast(dx, dy, x, gamma, mean, rstd, add, rows, n) {
		layerNormGradReference(dx, dy, x, gamma, mean, rstd, add, rows, n)
	}
}

// LayerNormWeightGrad adds Σ dy·x̂ to dgamma and Σ dy to dbeta, sums over rows; either may be nil.
func LayerNormWeightGrad(dgamma, dbeta, dy, x, mean, rstd []float32, rows, n int) {
	if !layerNormWeightGradFast(dgamma, dbeta, dy, x, mean, rstd, rows, n) {
		layerNormWeightGradReference(dgamma, dbeta, dy, x, mean, rstd, rows, n)
	}
}

func layerNormReference[T Float](y, x, gamma, beta, mean, rstd []T, rows, n int, eps float64) {
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		m, v := moments(x)
		s := 1 / math.Sqrt(v+eps)
		for i, v := range x {
			y[i] = T(affine((float64(v)-m)*s, gamma, beta, i))
		}
		keep(mean, r, m)
		keep(rstd, r, s)
	}
}

// moments returns the mean and the biased variance in two passes.
func moments[T Float](x []T) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}

// affine returns h·gamma[i] + beta[i].
func affine[T Float](h float64, gamma, beta []T, i int) float64 {
	if gamma != nil {
		h *= float64(gamma[i])
	}
	if beta != nil {
		h += float64(beta[i])
	}
	return h
}

func keep[T Float](s []T, r int, v float64) {
	if s != nil {
		s[r] = T(v)
	}
}

func layerNormGradReference[T Float](dx, dy, x, gamma, mean, rstd, add []T, rows, n int) {
	for r := range rows {
		dx, dy, x := dx[r*n:(r+1)*n], dy[r*n:(r+1)*n], x[r*n:(r+1)*n]
		m, s := float64(mean[r]), float64(rstd[r])
		var sum, dot float64
		for i, v := range dy {
			g := affine(float64(v), gamma, nil, i)
			sum += g
			dot += g * (float64(x[i]) - m) * s
		}
		sum, dot = sum/float64(n), dot/float64(n)
		for i, v := range dy {
			g := affine(float64(v), gamma, nil, i)
			d := s * (g - sum - (float64(x[i])-m)*s*dot)
			if add != nil {
				d += float64(add[r*n+i])
			}
			dx[i] = T(d)
		}
	}
}

func layerNormWeightGradReference[T Float](dgamma, dbeta, dy, x, mean, rstd []T, rows, n int) {
	var dg, db [columnBlock]float64
	for c := 0; c < n; c += columnBlock {
		w := min(columnBlock, n-c)
		clear(dg[:])
		clear(db[:])
		for r := range rows {
			m, s := float64(mean[r]), float64(rstd[r])
			x := x[r*n+c : r*n+c+w]
			for j, v := range dy[r*n+c : r*n+c+w] {
				dg[j] += float64(v) * (float64(x[j]) - m) * s
				db[j] += float64(v)
			}
		}
		accumulate(dgamma, c, dg[:w])
		accumulate(dbeta, c, db[:w])
	}
}

// accumulate adds v to s[at:] unless s is nil.
func accumulate[T Float](s []T, at int, v []float64) {
	if s == nil {
		return
	}
	for j, d := range v {
		s[at+j] += T(d)
	}
}
