package kernel

import "math"

// attnReference is the meaning of [Attention] for one head whose matrices are contiguous: q is Tq×D, k Tk×D,
// v Tk×Dv, o Tq×Dv, mask Tq×Tk or nil. It returns the probabilities and the log-sum-exp of each row.
func attnReference[T Float](o, q, k, v, mask []T, scale T, tq, tk, d, dv int) (p, lse []T) {
	p, lse = make([]T, tq*tk), make([]T, tq)
	gemmReference(p, tk, false, q, d, true, k, d, tq, tk, d, scale, false)
	for i := range tq {
		row := p[i*tk : (i+1)*tk]
		if mask != nil {
			for j := range row {
				row[j] += mask[i*tk+j]
			}
		}
		lse[i] = attnReferenceSoftmax(row)
	}
	gemmReference(o, dv, false, p, tk, false, v, dv, tq, dv, tk, 1, false)
	return p, lse
}

// attnReferenceSoftmax replaces logits by probabilities, all zero if every logit is -Inf, and returns their
// log-sum-exp.
func attnReferenceSoftmax[T Float](x []T) T {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = math.Max(top, float64(v))
	}
	if math.IsInf(top, -1) {
		clear(x)
		return T(top)
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	for j, v := range x {
		x[j] = T(math.Exp(float64(v)-top) / sum)
	}
	return T(top + math.Log(sum))
}

// attnReferenceGrad is the meaning of [AttentionGrad] for one head, given the probabilities p.
func attnReferenceGrad[T Float](dq, dk, dv, do, q, k, v, p []T, scale T, tq, tk, d, nv int) {
	ds := make([]T, tq*tk)
	gemmReference(ds, tk, false, do, nv, true, v, nv, tq, tk, nv, 1, false)
	for i := range tq {
		row, pr := ds[i*tk:(i+1)*tk], p[i*tk:(i+1)*tk]
		var delta T
		for j, x := range row {
			delta += x * pr[j]
		}
		for j, x := range row {
			row[j] = pr[j] * (x - delta)
		}
	}
	gemmReference(dq, d, false, ds, tk, false, k, d, tq, d, tk, scale, false)
	gemmReference(dk, d, true, ds, tk, false, q, d, tk, d, tq, scale, false)
	gemmReference(dv, nv, true, p, tk, false, do, nv, tk, nv, tq, 1, false)
}
