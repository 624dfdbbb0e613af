package kernel

// AttnView is one of the matrices of attention inside a larger array: element (head h, token t, feature i) is
// Data[h*Head+t*Row+i]. Heads side by side in a T×(H·D) array have Head = D and Row = H·D.
type AttnView struct {
	Data      []float32
	Head, Row int
}

// head returns the view's part that starts at token t of head h, nothing of an empty view.
func (v *AttnView) head(h, t int) []float32 { return v.Data[min(h*v.Head+t*v.Row, len(v.Data)):] }

// AttnShape describes scaled dot-product attention, O = softmax(Scale·Q·Kᵀ + Mask)·V per head (Vaswani et al.,
// arXiv 1706.03762, section 3.2.1).
type AttnShape struct {
	Heads    int
	Tq, Tk   int // tokens of the queries, at least 1, and of keys and values
	D, Dv    int // features of queries and keys, and of values
	Scale    float32
	Mask     []float32 // Tq×Tk added to the scaled products, -Inf hides a key; nil for none
	MaskHead int       // stride between the masks of two heads, 0 if they share one
	KVGroup  int       // query heads per key/value head; 0 means 1
}

// group returns the number of query heads per key/value head.
func (s *AttnShape) group() int { return max(1, s.KVGroup) }

// mask returns the mask from query t of head h on, or nil.
func (s *AttnShape) mask(h, t int) []float32 {
	if s.Mask == nil {
		return nil
	}
	return s.Mask[h*s.MaskHead+t*s.Tk:]
}

// attnPlan is how the queries are cut into blocks, whose logits alone are in memory at a time.
type attnPlan struct {
	block  int // queries of a block
	ldp    int // row stride of a block of logits, a multiple of 16
	logits int // floats of a block of logits
	rows   int // floats for one number per query of a block, a multiple of 16
}

// attnBlockFloats bounds a block of logits so that it stays in the second-level cache beside the packed keys
// and values; attnMinBlock is the least number of queries that share a pass over those.
//
// Swept at three lengths, forward and backward, in percent of the multiply-add ceiling (heads of 64 features, 2 MB of
// second-level cache, AVX-512, a shared machine: differences below about 3 mean nothing):
//
//	floats   197 tokens  577 tokens  1025 tokens
//	  16 Ki     63  69      66  63      67  55
//	  32 Ki     63  70      66  67      67  56
//	  64 Ki     63  70      68  69      68  63
//	 128 Ki     63  70      67  67      67  64
//	 256 Ki     62  70      67  63      66  58
//	1024 Ki     63  71      65  60      62  58
//
// With 64 Ki floats, 50 and 197 tokens are one block, 257 two, 577 six and 1025 nineteen.
const (
	attnBlockFloats = 64 << 10
	attnMinBlock    = 2 * gemmMaxRows
)

func attnMakePlan(s *AttnShape) attnPlan {
	var p attnPlan
	p.ldp = max(panelCols, attnUnits(s.Tk))
	if p.ldp%1024 == 0 {
		p.ldp += panelCols
	}
	p.block = max(attnMinBlock, attnBlockFloats/p.ldp/gemmMaxRows*gemmMaxRows)
	if blocks := (s.Tq + p.block - 1) / p.block; blocks > 0 {
		p.block = (s.Tq + blocks - 1) / blocks
	}
	p.logits = p.block * p.ldp
	p.rows = attnUnits(p.block)
	return p
}

// attnKeepTokens is the longest sequence whose probabilities the forward pass keeps for the backward pass. Reading
// them back costs less than a product and an exponential for short sequences, and more for long ones, whose
// probabilities no longer lie in a cache; docs/performance.md has the measurement.
const attnKeepTokens = 300

// AttentionKept returns how many floats hold the probabilities of all heads, or 0 where computing them again in the
// backward pass is faster.
func AttentionKept(s *AttnShape) int {
	if s.Tk > attnKeepTokens || s.Tk == 0 {
		return 0
	}
	return attnKeptLen(s)
}

func attnKeptLen(s *AttnShape) int { return s.Heads * s.Tq * attnMakePlan(s).ldp }

// keptRows are the probabilities of m queries from t on.
func (p *attnPlan) keptRows(kept []float32, s *AttnShape, h, t, m int) []float32 {
	return kept[(h*s.Tq+t)*p.ldp:][:m*p.ldp]
}

// attnUnits rounds up to whole units of 16.
func attnUnits(n int) int { return (n + panelCols - 1) &^ (panelCols - 1) }

// attnCut takes n floats from the scratch memory, starting at a multiple of 64 bytes.
func attnCut(scratch *[]float32, n int) []float32 {
	s := packAlign(*scratch)
	*scratch = s[n:]
	return s[:n:n]
}

// AttentionScratch returns how many floats of scratch Attention needs.
func AttentionScratch(s *AttnShape) int {
	p := attnMakePlan(s)
	return packLen(s.D, s.Tk) + packLen(s.Tk, s.Dv) + p.logits + 4*p.rows + 7*panelCols
}

// attnForward is the scratch memory of Attention.
type attnForward struct {
	attnPlan
	keys, values     []float32 // packed Kᵀ and V of a head
	logits           []float32 // of a block
	top, sum, lse, f []float32 // per query of a block
}

// Attention computes the heads h0 ≤ h < h1 of O. lse (Heads×Tq) receives the logarithm of the sum of
// exponentials of each row of logits, from which [AttentionGrad] rebuilds the probabilities, unless kept, of
// [AttentionKept] floats, receives them; it may be nil. A row whose keys are all hidden gives zeros and lse -Inf; NaN
// reaches the output.
//
// scratch holds at least AttentionScratch(s) floats. o must not overlap q, k or v.
func Attention(o, q, k, v AttnView, lse, kept []float32, s *AttnShape, h0, h1 int, scratch []float32) {
	w := attnForward{attnPlan: attnMakePlan(s)}
	for _, part := range []struct {
		to *[]float32
		n  int
	}{{&w.keys, packLen(s.D, s.Tk)}, {&w.values, packLen(s.Tk, s.Dv)}, {&w.logits, w.attnPlan.logits},
		{&w.top, w.rows}, {&w.sum, w.rows}, {&w.lse, w.rows}, {&w.f, w.rows}} {
		*part.to = attnCut(&scratch, part.n)
	}
	for h := h0; h < h1; h++ {
		if g := h / s.group(); h == h0 || h%s.group() == 0 {
			packPanels(w.keys, k.head(g, 0), k.Row, true, s.D, s.Tk, 1)
			packPanels(w.values, v.head(g, 0), v.Row, false, s.Tk, s.Dv, 1)
		}
		for t := 0; t < s.Tq; t += w.block {
			m := min(w.block, s.Tq-t)
			if kept != nil {
				w.logits = w.keptRows(kept, s, h, t, m)
			}
			w.queries(o.head(h, t), o.Row, q.head(h, t), q.Row, s, s.mask(h, t), m, kept != nil)
			copy(lse[h*s.Tq+t:h*s.Tq+t+m], w.lse)
		}
	}
}

// queries computes m rows of O, and with keep leaves the probabilities behind.
func (w *attnForward) queries(o []float32, ldo int, q []float32, ldq int, s *AttnShape, mask []float32, m int, keep bool) {
	attnProduct(w.logits, w.ldp, q, ldq, w.keys, m, s.Tk, s.D)
	rows := attnUnits(m)
	attnSoftmaxRows(w.logits, w.ldp, m, s.Tk, mask, s.Tk, s.Scale, w.lse, w.f, w.top[:rows], w.sum[:rows])
	attnProduct(o, ldo, w.logits, w.ldp, w.values, m, s.Dv, s.Tk)
	attnScale(o, ldo, m, s.Dv, w.f)
	if keep { // only now: O has the same bits either way
		attnScale(w.logits, w.ldp, m, s.Tk, w.f)
	}
}

// attnProduct computes the m×n matrix C = A·B with B of depth k in panels.
func attnProduct(c []float32, ldc int, a []float32, lda int, b []float32, m, n, k int) {
	t := gemmTask{c: c, ldc: ldc, a: a, lda: lda, b: b, bPanel: panelCols * k, m: m, k: k}
	t.run(0, n)
}
