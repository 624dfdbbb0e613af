package kernel

import "math"

// GroupNorm normalises one image of c channels × plane positions, the channels cut in groups of neighbours that share
// mean and variance (Wu and He, arXiv 1803.08494); groups = c is instance normalisation. gamma and beta have c numbers,
// nil means ones and zeros. mean and rstd, if not nil, receive groups numbers for the backward pass. y may be x.
func GroupNorm(y, x, gamma, beta, mean, rstd []float32, groups, c, plane int, eps float32) {
	if !groupNormFast(y, x, gamma, beta, mean, rstd, groups, c, plane, eps) {
		groupNormReference(y, x, gamma, beta, mean, rstd, groups, c, plane, float64(eps))
	}
}

// GroupNormGrad computes the input cotangent. add is the cotangent of a branch past the normalisation, nil for none.
// dx may be dy or add.
func GroupNormGrad(dx, dy, x, gamma, mean, rstd, add []float32, groups, c, plane int) {
	if !groupNormGradFast(dx, dy, x, gamma, mean, rstd, add, groups, c, plane) {
		groupNormGradReference(dx, dy, x, gamma, mean, rstd, add, groups, c, plane)
	}
}

// GroupNormWeightGrad adds Σ dy·x̂ and Σ dy over positions to dgamma and dbeta, which have c numbers; either may be nil.
func GroupNormWeightGrad(dgamma, dbeta, dy, x, mean, rstd []float32, groups, c, plane int) {
	groupNormWeightGradReference(dgamma, dbeta, dy, x, mean, rstd, groups, c, plane)
}

func groupNormReference[T Float](y, x, gamma, beta, mean, rstd []T, groups, c, plane int, eps float64) {
	n := c / groups * plane
	for g := range groups {
		y, x := y[g*n:(g+1)*n], x[g*n:(g+1)*n]
		m, v := moments(x)
		s := 1 / math.Sqrt(v+eps)
		for i, v := range x {
			y[i] = T(affine((float64(v)-m)*s, gamma, beta, (g*n+i)/plane))
		}
		keep(mean, g, m)
		keep(rstd, g, s)
	}
}

func groupNormGradReference[T Float](dx, dy, x, gamma, mean, rstd, add []T, groups, c, plane int) {
	n := c / groups * plane
	for g := range groups {
		dx, dy, x := dx[g*n:(g+1)*n], dy[g*n:(g+1)*n], x[g*n:(g+1)*n]
		m, s := float64(mean[g]), float64(rstd[g])
		var sum, dot float64
		for i, v := range dy {
			h := affine(float64(v), gamma, nil, (g*n+i)/plane)
			sum += h
			dot += h * (float64(x[i]) - m) * s
		}
		sum, dot = sum/float64(n), dot/float64(n)
		for i, v := range dy {
			h := affine(float64(v), gamma, nil, (g*n+i)/plane)
			d := s * (h - sum - (float64(x[i])-m)*s*dot)
			if add != nil {
				d += float64(add[g*n+i])
			}
			dx[i] = T(d)
		}
	}
}

func groupNormWeightGradReference[T Float](dgamma, dbeta, dy, x, mean, rstd []T, groups, c, plane int) {
	for k := range c {
		g := k / (c / groups)
		m, s := float64(mean[g]), float64(rstd[g])
		var dg, db [1]float64
		x := x[k*plane : (k+1)*plane]
		for i, v := range dy[k*plane : (k+1)*plane] {
			dg[0] += float64(v) * (float64(x[i]) - m) * s
			db[0] += float64(v)
		}
		accumulate(dgamma, k, dg[:])
		accumulate(dbeta, k, db[:])
	}
}
