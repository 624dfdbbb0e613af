package kernel

import "math"

// rowMoments returns a row's mean in two parts, mean and what its rounding left over, and the biased variance.
func (k *elemKernels) rowMoments(x []float32) (mean, rest float32, variance float64) {
	n := len(x)
	mean = k.sumFloat(&x[0], n) / float32(n)
	sum, square := k.moments(&x[0], mean, n)
	left := float64(sum) / float64(n)
	return mean, float32(left), max(0, float64(square)/float64(n)-left*left)
}

// layerNormFast is LayerNorm in assembly; it reports whether it ran.
func layerNormFast(y, x, gamma, beta, mean, rstd []float32, rows, n int, eps float32) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		m, rest, variance := k.rowMoments(x)
		s := float32(1 / math.Sqrt(variance+float64(eps)))
		k.affineRow(y, x, gamma, beta, m, s, -rest*s)
		if mean != nil {
			mean[r] = m + rest
		}
		if rstd != nil {
			rstd[r] = s
		}
	}
	return true
}

// affineRow computes y = ((x-mean)·scale + shift)·gamma + beta; gamma and beta may be nil.
func (k *elemKernels) affineRow(y, x, gamma, beta []float32, mean, scale, shift float32) {
	n := len(x)
	if gamma != nil && beta != nil {
		k.normalizeAffine(&y[0], &x[0], &gamma[:n][0], &beta[:n][0], mean, scale, shift, n)
		return
	}
	k.normalize(&y[0], &x[0], mean, scale, shift, n)
	if gamma != nil {
		k.binary[Mul](&y[0], &y[0], &gamma[:n][0], n)
	}
	if beta != nil {
		k.binary[Add](&y[0], &y[0], &beta[:n][0], n)
	}
}

// layerNormGradFast is LayerNormGrad in assembly; it reports whether it ran.
func layerNormGradFast(dx, dy, x, gamma, mean, rstd, add []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		sum, dot := k.gradSums(dy[r*n:(r+1)*n], x[r*n:(r+1)*n], gamma, mean[r])
		s := float64(rstd[r])
		slope, shift := -s*s*s*float64(dot)/float64(n), -s*float64(sum)/float64(n)
		k.gradRow(dx[r*n:(r+1)*n], dy[r*n:], x[r*n:], gamma, rowOf(add, r, n), mean[r], rstd[r], float32(slope), float32(shift))
	}
	return true
}

// gradSums returns Σg and Σg·(x-mean) for g = dy·gamma.
func (k *elemKernels) gradSums(dy, x, gamma []float32, mean float32) (sum, dot float32) {
	n := len(dy)
	if gamma == nil {
		return k.normSums(&dy[0], &x[0], nil, mean, n)
	}
	return k.normSumsGamma(&dy[0], &x[0], &gamma[:n][0], mean, n)
}

// gradRow computes dx = dy·gamma·scale + (x-mean)·slope + shift + add; gamma and add may be nil.
func (k *elemKernels) gradRow(dx, dy, x, gamma, add []float32, mean, scale, slope, shift float32) {
	n, variant := len(dx), 0
	var g, a *float32
	if gamma != nil {
		g, variant = &gamma[:n][0], variant|1
	}
	if add != nil {
		a, variant = &add[:n][0], variant|2
	}
	k.normGrad[variant](&dx[0], &dy[:n][0], &x[:n][0], g, a, mean, scale, slope, shift, n)
}

// rowOf returns row r of s, or nil of nil.
func rowOf(s []float32, r, n int) []float32 {
	if s == nil {
		return nil
	}
	return s[r*n : (r+1)*n]
}

// layerNormWeightGradFast is LayerNormWeightGrad in assembly; it reports whether it ran.
func layerNormWeightGradFast(dgamma, dbeta, dy, x, mean, rstd []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 || rows == 0 || dgamma == nil || dbeta == nil {
		return false
	}
	_, _, _, _ = dy[rows*n-1], x[rows*n-1], mean[rows-1], rstd[rows-1]
	_, _ = dgamma[n-1], dbeta[n-1]
	k.normColumns(&dgamma[0], &dbeta[0], &dy[0], &x[0], &mean[0], &rstd[0], rows, n)
	return true
}

// rmsNormFast is RMSNorm in assembly; it reports whether it ran.
func rmsNormFast(y, x, gamma, rstd []float32, rows, n int, eps float32) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		y, x := y[r*n:(r+1)*n], x[r*n:(r+1)*n]
		s := float32(1 / math.Sqrt(k.sum[SumSquare](&x[0], n)/float64(n)+float64(eps)))
		k.affineRow(y, x, gamma, nil, 0, s, 0)
		if rstd != nil {
			rstd[r] = s
		}
	}
	return true
}

// rmsNormGradFast is RMSNormGrad in assembly; it reports whether it ran.
func rmsNormGradFast(dx, dy, x, gamma, rstd, add []float32, rows, n int) bool {
	k := elem()
	if k == nil || n == 0 {
		return false
	}
	for r := range rows {
		_, dot := k.gradSums(dy[r*n:(r+1)*n], x[r*n:(r+1)*n], gamma, 0)
		s := float64(rstd[r])
		slope := -s * s * s * float64(dot) / float64(n)
		k.gradRow(dx[r*n:(r+1)*n], dy[r*n:], x[r*n:], gamma, rowOf(add, r, n), 0, rstd[r], float32(slope), 0)
	}
	return true
}

// groupNormFast is GroupNorm in assembly; it reports whether it ran.
func groupNormFast(y, x, gamma, beta, mean, rstd []float32, groups, c, plane int, eps float32) bool {
	k := elem()
	if k == nil || plane == 0 {
		return false
	}
	per := c / groups
	for g := range groups {
		m, rest, variance := k.rowMoments(x[g*per*plane : (g+1)*per*plane])
		s := float32(1 / math.Sqrt(variance+float64(eps)))
		for i := g * per; i < (g+1)*per; i++ {
			scale, shift := s, -rest*s
			if gamma != nil {
				scale, shift = scale*gamma[i], shift*gamma[i]
			}
			if beta != nil {
				shift += beta[i]
			}
			k.normalize(&y[i*plane : (i+1)*plane][0], &x[i*plane], m, scale, shift, plane)
		}
		if mean != nil {
			mean[g] = m + rest
		}
		if rstd != nil {
			rstd[g] = s
		}
	}
	return true
}

// groupNormGradFast is GroupNormGrad in assembly; it reports whether it ran.
func groupNormGradFast(dx, dy, x, gamma, mean, rstd, add []float32, groups, c, plane int) bool {
	k := elem()
	if k == nil || plane == 0 {
		return false
	}
	per := c / groups
	for g := range groups {
		var sum, dot float64
		for i := g * per; i < (g+1)*per; i++ {
			a, b := k.gradSums(dy[i*plane:(i+1)*plane], x[i*plane:(i+1)*plane], nil, mean[g])
			w := float64(weight(gamma, i))
			sum, dot = sum+w*float64(a), dot+w*float64(b)
		}
		n, s := float64(per*plane), float64(rstd[g])
		slope, shift := float32(-s*s*s*dot/n), float32(-s*sum/n)
		for i := g * per; i < (g+1)*per; i++ {
			k.gradRow(dx[i*plane:(i+1)*plane], dy[i*plane:], x[i*plane:], nil, rowOf(add, i, plane), mean[g], rstd[g]*weight(gamma, i), slope, shift)
		}
	}
	return true
}

// weight returns gamma[i], or 1 for nil.
func weight(gamma []float32, i int) float32 {
	if gamma == nil {
		return 1
	}
	return gamma[i]
}
