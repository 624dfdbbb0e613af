package kernel

// AttentionGradScratch returns how many floats of scratch AttentionGrad needs.
func AttentionGradScratch(s *AttnShape) int {
	p := attnMakePlan(s)
	return packLen(s.D, s.Tk) + packLen(s.Dv, s.Tk) + packLen(s.Tk, s.D) +
		packLen(p.block, s.D) + packLen(p.block, s.Dv) + 2*p.logits + p.units + 9*panelCols
}

// attnGrad is the scratch memory of the gradient of one head.
type attnGrad struct {
	attnPlan
	keysT, valuesT, keys []float32 // packed Kᵀ, Vᵀ and K
	q, do                []float32 // packed rows of the block
	p, ds                []float32 // probabilities and the gradient at the logits, each block×Tk
	mask                 []float32 // row of the mask
}

// AttentionGrad computes, for the heads h0 ≤ h < h1 of [Attention], the gradients dq, dk and dv of a scalar
// whose gradient at O is do, from the inputs, the output o and lse. The probabilities are computed again from
// lse, block by block of queries (Dao et al., arXiv 2205.14135, section 3.1 and appendix B.2).
//
// dq, dk and dv are overwritten; they must not overlap the other views. With a KVGroup above 1 the gradients
// of a key/value head are summed over its query heads, so h0 and h1 must be multiples of it. Rows whose keys
// are all hidden contribute nothing. scratch holds at least AttentionGradScratch(s) floats.
func AttentionGrad(dq, dk, dv, do, q, k, v, o AttnView, lse []float32, s *AttnShape, h0, h1 int, scratch []float32) {
	w := attnGrad{attnPlan: attnMakePlan(s)}
	w.keysT = attnCut(&scratch, packLen(s.D, s.Tk))
	w.valuesT = attnCut(&scratch, packLen(s.Dv, s.Tk))
	w.keys = attnCut(&scratch, packLen(s.Tk, s.D))
	w.q = attnCut(&scratch, packLen(w.block, s.D))
	w.do = attnCut(&scratch, packLen(w.block, s.Dv))
	w.p = attnCut(&scratch, w.logits)
	w.ds = attnCut(&scratch, w.logits)
	w.mask = attnCut(&scratch, w.units)
	for h := h0; h < h1; h++ {
		g := h / s.group()
		first := h%s.group() == 0
		if first {
			packPanels(w.keysT, k.head(g, 0), k.Row, true, s.D, s.Tk, 1)
			packPanels(w.valuesT, v.head(g, 0), v.Row, true, s.Dv, s.Tk, 1)
			packPanels(w.keys, k.head(g, 0), k.Row, false, s.Tk, s.D, 1)
		}
		for t := 0; t < s.Tq; t += w.block {
			m := min(w.block, s.Tq-t)
			qt, dot := q.head(h, t), do.head(h, t)
			attnProduct(w.p, w.ldp, qt, q.Row, w.keysT, m, s.Tk, s.D)
			attnProduct(w.ds, w.ldp, dot, do.Row, w.valuesT, m, s.Tk, s.Dv)
			for i := range m {
				delta := attnDotRow(dot[i*do.Row:i*do.Row+s.Dv], o.head(h, t+i)[:s.Dv])
				attnGradRow(w.p[i*w.ldp:][:w.units], w.ds[i*w.ldp:][:w.units], s.mask(h, t+i, w.mask), s.Scale, lse[h*s.Tq+t+i], delta)
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

// attnProductTrans computes the m×n matrix C = Aᵀ·B, or adds it to C, with A of k rows and B in panels.
func attnProductTrans(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int, add bool) {
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, transA: true, b: b, bPanel: panelCols * k, m: m, k: k}
	if add {
		t.start, t.ldstart = c, ldc
	}
	t.run(0, n)
}
