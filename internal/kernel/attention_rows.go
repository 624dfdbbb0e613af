package kernel

import "math"

// attnSoftmaxRow replaces the products x by exp(scale·x + mask - max) and returns the logarithm of the sum of
// exponentials and what is left to multiply with, the reciprocal of the sum. x and mask, which may be nil, are
// whole units of 16 numbers, of which n count. Probabilities below e^-87.3 of the greatest are 0.
func attnSoftmaxRow(x []float32, n int, mask []float32, scale float32) (lse, reciprocal float32) {
	if !(scale > 0) {
		attnScaleRow(x[:n], scale)
		scale = 1
	}
	attnFill(x[n:], float32(math.Inf(-1)))
	top, sum := attnSoftmax(x, mask, scale)
	if math.IsInf(float64(top), -1) {
		return attnHiddenRow(x[:n], mask)
	}
	return top + float32(math.Log(float64(sum))), 1 / sum
}

// attnHiddenRow is attnSoftmaxRow for a row whose exponents are all -Inf or NaN.
func attnHiddenRow(x, mask []float32) (lse, reciprocal float32) {
	for i, v := range x {
		if mask != nil {
			v += mask[i]
		}
		if v != v {
			attnFill(x, v)
			return v, v
		}
	}
	clear(x)
	return float32(math.Inf(-1)), 0
}

// attnGradRow replaces the products x by the probabilities p = exp(scale·x + mask - lse) and the gradients dp
// at the probabilities by scale·p·(dp - delta), delta being the sum of p·dp over the row.
func attnGradRow(x, dp, mask []float32, scale, lse, delta float32) {
	if math.IsInf(float64(lse), -1) {
		clear(x)
		clear(dp)
		return
	}
	attnGradient(x, dp, mask, scale, lse, delta)
}

// attnFill makes every element v.
func attnFill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// attnSoftmaxGeneric replaces x by exp(scale·x + mask - top), top being the greatest exponent, NaN aside, and
// returns their sum; if top is -Inf it leaves x alone.
func attnSoftmaxGeneric(x, mask []float32, scale float32) (top, sum float32) {
	top = float32(math.Inf(-1))
	logit := func(i int) float32 {
		if mask == nil {
			return x[i] * scale
		}
		return x[i]*scale + mask[i]
	}
	for i := range x {
		if v := logit(i); v > top {
			top = v
		}
	}
	if math.IsInf(float64(top), -1) {
		return top, 0
	}
	var total float64
	for i := range x {
		x[i] = attnExp(logit(i) - top)
		total += float64(x[i])
	}
	return top, float32(total)
}

// attnGradientGeneric is attnGradRow for a row that is not hidden.
func attnGradientGeneric(x, dp, mask []float32, scale, lse, delta float32) {
	for i, v := range x {
		v *= scale
		if mask != nil {
			v += mask[i]
		}
		x[i] = attnExp(v - lse)
		dp[i] = x[i] * scale * (dp[i] - delta)
	}
}

// attnExp returns e^x, or 0 below -87.3: a probability that small changes nothing, and numbers that are not
// normal would slow the products down.
func attnExp(x float32) float32 {
	if x < -87.3 {
		return 0
	}
	return float32(math.Exp(float64(x)))
}

// attnDotRow returns the inner product of two rows. That of dO and O is delta: the sum over keys of p·dp.
func attnDotRow(x, y []float32) float32 {
	whole := len(x) &^ (panelCols - 1)
	sum := attnDot(x[:whole], y[:len(x)])
	for i, v := range x[whole:] {
		sum += v * y[whole+i]
	}
	return sum
}

// attnScaleRow multiplies x by f.
func attnScaleRow(x []float32, f float32) {
	whole := len(x) &^ (panelCols - 1)
	attnScale(x[:whole], f)
	for i := range x[whole:] {
		x[whole+i] *= f
	}
}

// gemmAddRow adds x to y.
func gemmAddRow(y, x []float32) {
	whole := len(y) &^ (panelCols - 1)
	gemmAdd(y[:whole], x[:len(y)])
	for i, v := range x[whole:len(y)] {
		y[whole+i] += v
	}
}
