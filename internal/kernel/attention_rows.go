package kernel

import "math"

// attnSoftmaxRows replaces rows rows of n products, ld apart, by exp(scale·x + mask - max). lse and f receive, per
// row, the logarithm of the sum of exponentials and what is left to multiply with, the reciprocal of the sum; a row
// that is hidden altogether becomes zeros with lse -Inf. lse, f and the scratch top and sum hold rows numbers rounded
// up to 16. Probabilities below e^-87.3 of the greatest are 0.
func attnSoftmaxRows(x []float32, ld, rows, n int, mask []float32, ldm int, scale float32, lse, f, top, sum []float32) {
	attnSoftmax(x, ld, rows, n, mask, ldm, scale, top, sum)
	for i, v := range top[:rows] {
		if v < -math.MaxFloat32 {
			var m []float32
			if mask != nil {
				m = mask[i*ldm:]
			}
			sum[i] = attnHiddenRow(x[i*ld:i*ld+n], m, scale)
		}
	}
	attnFill(sum[rows:], 1)
	attnFill(top[rows:], 0)
	attnLogSumExp(lse, f, top, sum)
}

// attnHiddenRow makes a row whose exponents are all -Inf zeros and returns 1, or NaN throughout if one is NaN.
func attnHiddenRow(x, mask []float32, scale float32) (sum float32) {
	for i, v := range x {
		v *= scale
		if mask != nil {
			v += mask[i]
		}
		if v != v {
			attnFill(x, v)
			return v
		}
	}
	clear(x)
	return 1
}

// attnFill makes every element v.
func attnFill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// attnSoftmaxGeneric replaces each row of x by exp(scale·x + mask - top), top being its greatest exponent, NaN
// aside, and sums it up; a row whose top is -Inf it leaves alone.
func attnSoftmaxGeneric(x []float32, ld, rows, n int, mask []float32, ldm int, scale float32, top, sum []float32) {
	for i := range rows {
		row := x[i*ld : i*ld+n]
		most := float32(math.Inf(-1))
		for j := range row {
			if v := attnLogit(row, mask, i*ldm, j, scale); v > most {
				most = v
			}
		}
		top[i], sum[i] = most, 0
		if math.IsInf(float64(most), -1) {
			continue
		}
		var total float64
		for j := range row {
			row[j] = attnExp(attnLogit(row, mask, i*ldm, j, scale) - most)
			total += float64(row[j])
		}
		sum[i] = float32(total)
	}
}

// attnLogit is scale·row[j] plus the mask's element j from its place on.
func attnLogit(row, mask []float32, place, j int, scale float32) float32 {
	if mask == nil {
		return row[j] * scale
	}
	return row[j]*scale + mask[place+j]
}

// attnGradGeneric replaces the products x by the probabilities p = exp(scale·x + mask - lse) and the gradients
// dp at the probabilities by scale·p·(dp - delta), delta being the row's sum of p·dp.
func attnGradGeneric(x, dp []float32, ld, rows, n int, mask []float32, ldm int, scale float32, lse, delta []float32) {
	for i := range rows {
		row, d := x[i*ld:i*ld+n], dp[i*ld:i*ld+n]
		for j := range row {
			row[j] = attnExp(attnLogit(row, mask, i*ldm, j, scale) - lse[i])
			d[j] = row[j] * scale * (d[j] - delta[i])
		}
	}
}

// attnKeptGradGeneric is attnGradGeneric for probabilities p that are there already.
func attnKeptGradGeneric(p, dp []float32, ld, rows, n int, scale float32, delta []float32) {
	for i := range rows {
		d := dp[i*ld : i*ld+n]
		for j, v := range p[i*ld : i*ld+n] {
			d[j] = float32(v*scale) * (d[j] - delta[i])
		}
	}
}

// attnExpPoly are the coefficients of q in e^r = 1 + r + r²·q(r) for |r| ≤ ln(2)/2, highest first; the assembly has
// the same.
var attnExpPoly = [...]float32{0.0013813144760206342, 0.008369418792426586, 0.04166845604777336, 0.16666515171527863, 0.4999999403953552}

// attnExp returns e^x for x ≤ 88, or 0 below -87.3: a probability that small changes nothing, and numbers that are
// not normal would slow the products down. Adding round leaves the exponent of 2, plus 127, in the low bits. The
// conversions keep products and sums rounded separately on every architecture.
func attnExp(x float32) float32 {
	const round, ln2hi, ln2lo = 3<<22 + 127, 0.693359375, -2.12194440054690583e-4
	if x < -87.3 {
		return 0
	}
	t := float32(x*math.Log2E) + round
	n := t - round
	r := x - float32(n*ln2hi) - float32(n*ln2lo)
	q := attnExpPoly[0]
	for _, c := range attnExpPoly[1:] {
		q = float32(q*r) + c
	}
	return (1 + (r + float32(float32(r*r)*q))) * math.Float32frombits(math.Float32bits(t)<<23)
}

// attnLogSumExpGeneric sets lse = top + ln(sum) and f = 1/sum.
func attnLogSumExpGeneric(lse, f, top, sum []float32) {
	for i, v := range sum {
		lse[i], f[i] = top[i]+float32(math.Log(float64(v))), 1/v
	}
}

// attnDotGeneric writes the inner products of the rows of x and y to out.
func attnDotGeneric(x []float32, ldx int, y []float32, ldy, rows, n int, out []float32) {
	for i := range rows {
		var sum float64
		for j, v := range x[i*ldx : i*ldx+n] {
			sum += float64(v) * float64(y[i*ldy+j])
		}
		out[i] = float32(sum)
	}
}

// attnScaleGeneric multiplies row i of x by f[i].
func attnScaleGeneric(x []float32, ld, rows, n int, f []float32) {
	for i := range rows {
		for j := range n {
			x[i*ld+j] *= f[i]
		}
	}
}
