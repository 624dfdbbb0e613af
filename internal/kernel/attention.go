package kernel

// AttnView is one of the matrices of attention inside a larger array: element (head h, token t, feature i) is
// Data[h*Head+t*Row+i]. Heads side by side in a T×(H·D) array have Head = D and Row = H·D.
type AttnView struct {
	Data      []float32
	Head, Row int
}

// head returns the view's part that starts at token t of head h.
func (v *AttnView) head(h, t int) []float32 { return v.Data[h*v.Head+t*v.Row:] }

// AttnShape describes scaled dot-product attention, O = softmax(Scale·Q·Kᵀ + Mask)·V per head (Vaswani et al.,
// arXiv 1706.03762, section 3.2.1).
type AttnShape struct {
	Heads    int
	Tq, Tk   int // tokens of the queries, and of keys and values
	D, Dv    int // features of queries and keys, and of values
	Scale    float32
	Mask     []float32 // Tq×Tk added to the scaled products, -Inf hides a key; nil for none
	MaskHead int       // stride between the masks of two heads, 0 if they share one
	KVGroup  int       // query heads per key/value head; 0 means 1
}

// group returns the number of query heads per key/value head.
func (s *AttnShape) group() int { return max(1, s.KVGroup) }

// mask returns the mask's row for query t of head h in whole units, copied to buf if need be, or nil.
func (s *AttnShape) mask(h, t int, buf []float32) []float32 {
	if s.Mask == nil {
		return nil
	}
	row := s.Mask[h*s.MaskHead+t*s.Tk:][:s.Tk]
	if len(buf) == s.Tk {
		return row
	}
	clear(buf[copy(buf, row):])
	return buf
}

// attnPlan is how the scratch memory of attention is cut up.
type attnPlan struct {
	block  int // queries whose logits are in memory at a time
	ldp    int // row stride of a block of logits
	logits int // floats of a block of logits
	rows   int // floats for one number per query of a block
	units  int // floats of a row of logits that the row kernels work on: Tk rounded up to whole units of 16
}

// attnBlockFloats bounds a block of logits so that it stays in the second-level cache beside the packed keys
// and values.
const attnBlockFloats = 64 << 10

func attnMakePlan(s *AttnShape) attnPlan {
	var p attnPlan
	p.units = (s.Tk + panelCols - 1) &^ (panelCols - 1)
	p.ldp = p.units
	if p.ldp%1024 == 0 {
		p.ldp += panelCols
	}
	p.block = max(attnMinBlock, attnBlockFloats/max(1, p.ldp)/gemmMaxRows*gemmMaxRows)
	if blocks := (s.Tq + p.block - 1) / p.block; blocks > 0 {
		p.block = (s.Tq + blocks - 1) / blocks
	}
	p.logits = p.block * p.ldp
	p.rows = (p.block + panelCols - 1) &^ (panelCols - 1)
	return p
}

// attnMinBlock is the least number of queries that share a pass over the packed keys and values.
const attnMinBlock = 28

// AttentionScratch returns how many floats of scratch Attention needs.
func AttentionScratch(s *AttnShape) int {
	p := attnMakePlan(s)
	return packLen(s.D, s.Tk) + packLen(s.Tk, s.Dv) + p.logits + p.rows + p.units + 6*panelCols
}

// attnCut takes n floats from the scratch memory, starting at a multiple of 64 bytes.
func attnCut(scratch *[]float32, n int) []float32 {
	s := packAlign(*scratch)
	*scratch = s[n:]
	return s[:n:n]
}

// Attention computes the heads h0 ≤ h < h1 of O. lse (Heads×Tq) receives the logarithm of the sum of
// exponentials of each row of logits, from which [AttentionGrad] rebuilds the probabilities: they are never
// stored for all queries. A row whose keys are all hidden gives zeros and lse -Inf; NaN reaches the output.
//
// scratch holds at least AttentionScratch(s) floats. o must not overlap q, k or v.
func Attention(o, q, k, v AttnView, lse []float32, s *AttnShape, h0, h1 int, scratch []float32) {
	plan := attnMakePlan(s)
	keys := attnCut(&scratch, packLen(s.D, s.Tk))
	values := attnCut(&scratch, packLen(s.Tk, s.Dv))
	logits := attnCut(&scratch, plan.logits)
	scale := attnCut(&scratch, plan.rows)
	maskRow := attnCut(&scratch, plan.units)
	for h := h0; h < h1; h++ {
		if g := h / s.group(); h == h0 || h%s.group() == 0 {
			packPanels(keys, k.head(g, 0), k.Row, true, s.D, s.Tk, 1)
			packPanels(values, v.head(g, 0), v.Row, false, s.Tk, s.Dv, 1)
		}
		for t := 0; t < s.Tq; t += plan.block {
			m := min(plan.block, s.Tq-t)
			attnProduct(logits, plan.ldp, q.head(h, t), q.Row, keys, m, s.Tk, s.D)
			for i := range m {
				row := logits[i*plan.ldp:][:plan.units]
				lse[h*s.Tq+t+i], scale[i] = attnSoftmaxRow(row, s.Tk, s.mask(h, t+i, maskRow), s.Scale)
			}
			out := o.head(h, t)
			attnProduct(out, o.Row, logits, plan.ldp, values, m, s.Dv, s.Tk)
			for i := range m {
				attnScaleRow(out[i*o.Row:i*o.Row+s.Dv], scale[i])
			}
		}
	}
}

// attnProduct computes the m×n matrix C = A·B with B of depth k in panels.
func attnProduct(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int) {
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, b: b, bPanel: panelCols * k, m: m, k: k}
	t.run(0, n)
}
