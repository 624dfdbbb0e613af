package kernel

import "math"

// AttentionGradScratch returns how many floats of scratch AttentionGrad needs.
func AttentionGradScratch(s *AttnShape) int {
	p := attnMakePlan(s)
	return packLen(s.D, s.Tk) + packLen(s.Dv, s.Tk) + packLen(s.Tk, s.D) + packLen(p.block, s.D) + packLen(p.block, s.Dv) +
		2*p.logits + 2*p.rows + 9*panelCols
}

// attnBackward is the scratch memory of AttentionGrad.
type attnBackward struct {
	attnPlan
	keysT, valuesT, keys []float32 // packed Kᵀ, Vᵀ and K of a head
	q, do                []float32 // packed rows of a block
	p, ds                []float32 // probabilities and the gradient at the logits of a block
	lse, delta           []float32 // per query of a block
}

// AttentionGrad computes, for the heads h0 ≤ h < h1 of [Attention], the gradients dq, dk and dv of a scalar
// whose gradient at O is do, from the inputs, the output o and lse. The probabilities are those that the forward pass
// kept or, with kept nil, are computed again from lse, block by block of queries (Dao et al., arXiv 2205.14135,
// section 3.1 and appendix B.2).
//
// dq, dk and dv are overwritten; they must not overlap the other views. With a KVGroup above 1 the gradients
// of a key/value head are summed over its query heads, so h0 and h1 must be multiples of it. Rows whose keys
// are all hidden contribute nothing. scratch holds at least AttentionGradScratch(s) floats.
func AttentionGrad(dq, dk, dv, do, q, k, v, o AttnView, lse, kept []float32, s *AttnShape, h0, h1 int, scratch []float32) {
	w := attnBackward{attnPlan: attnMakePlan(s)}
	for _, part := range []struct {
		to *[]float32
		n  int
	}{{&w.keysT, packLen(s.D, s.Tk)}, {&w.valuesT, packLen(s.Dv, s.Tk)}, {&w.keys, packLen(s.Tk, s.D)},
		{&w.q, packLen(w.block, s.D)}, {&w.do, packLen(w.block, s.Dv)},
		{&w.p, w.logits}, {&w.ds, w.logits}, {&w.lse, w.rows}, {&w.delta, w.rows}} {
		*part.to = attnCut(&scratch, part.n)
	}
	for h := h0; h < h1; h++ {
		g, first := h/s.group(), h%s.group() == 0
		if first {
			if kept == nil {
				packPanels(w.keysT, k.head(g, 0), k.Row, true, s.D, s.Tk, 1)
			}
			packPanels(w.valuesT, v.head(g, 0), v.Row, true, s.Dv, s.Tk, 1)
			packPanels(w.keys, k.head(g, 0), k.Row, false, s.Tk, s.D, 1)
		}
		for t := 0; t < s.Tq; t += w.block {
			m := min(w.block, s.Tq-t)
			qt, dot := q.head(h, t), do.head(h, t)
			attnFinite(w.lse[:m], lse[h*s.Tq+t:])
			attnDot(dot, do.Row, o.head(h, t), o.Row, m, s.Dv, w.delta)
			if kept != nil {
				w.p = w.keptRows(kept, s, h, t, m)
				w.keptGrad(dot, do.Row, s, m)
			} else {
				w.logitsGrad(qt, q.Row, dot, do.Row, s, s.mask(h, t), m)
			}
			attnProduct(dq.head(h, t), dq.Row, w.ds, w.ldp, w.keys, m, s.D, s.Tk)
			packPanels(w.do, dot, do.Row, false, m, s.Dv, 1)
			packPanels(w.q, qt, q.Row, false, m, s.D, 1)
			add := !first || t > 0
			attnProductTrans(dv.head(g, 0), dv.Row, w.p, w.ldp, w.do, s.Tk, s.Dv, m, add)
			attnProductTrans(dk.head(g, 0), dk.Row, w.ds, w.ldp, w.q, s.Tk, s.D, m, add)
		}
	}
}

// logitsGrad computes the probabilities and the gradients at the logits of m queries.
func (w *attnBackward) logitsGrad(q []float32, ldq int, do []float32, ldo int, s *AttnShape, mask []float32, m int) {
	attnProduct(w.p, w.ldp, q, ldq, w.keysT, m, s.Tk, s.D)
	attnProduct(w.ds, w.ldp, do, ldo, w.valuesT, m, s.Tk, s.Dv)
	attnGrad(w.p, w.ds, w.ldp, m, s.Tk, mask, s.Tk, s.Scale, w.lse, w.delta)
}

// keptGrad computes the gradients at the logits of m queries whose probabilities are there.
func (w *attnBackward) keptGrad(do []float32, ldo int, s *AttnShape, m int) {
	attnProduct(w.ds, w.ldp, do, ldo, w.valuesT, m, s.Tk, s.Dv)
	attnKeptGrad(w.p, w.ds, w.ldp, m, s.Tk, s.Scale, w.delta)
}

// attnFinite copies log-sum-exps; of a hidden row, whose is -Inf, it makes +Inf, which gives probabilities of zero.
func attnFinite(to, from []float32) {
	for i := range to {
		to[i] = from[i]
		if to[i] < -math.MaxFloat32 {
			to[i] = float32(math.Inf(1))
		}
	}
}

// attnProductTrans computes the m×n matrix C = Aᵀ·B, or adds it to C, with A of k rows and B in panels.
func attnProductTrans(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, add bool) {
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, transA: true, b: b, bPanel: panelCols * k, m: m, k: k}
	if add {
		t.start, t.ldstart = c, ldc
	}
	t.run(0, n)
}
