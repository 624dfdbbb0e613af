package kernel

import (
	"fmt"
	"testing"
)

// attnSizes are tokens of queries and of keys, and features of keys and of values: every length to 70, and real ones.
func attnSizes() (s [][]int) {
	for n := 1; n <= 70; n++ {
		s = append(s, []int{n, 1 + (n*5)%70, 1 + n*7%33, 1 + n%19})
	}
	return append(s, []int{65, 65, 32, 32}, []int{50, 50, 64, 64}, []int{197, 197, 64, 64})
}

var attnSpecial = [][]int{{1, 1, 1, 1}, {5, 7, 3, 4}, {19, 33, 8, 17}, {30, 16, 16, 16}}

const attnFamilyScale = 0.3

// attnFamilyHeads are side by side in q, k, v and o.
const attnFamilyHeads = 2

// attnOf describes a size and its operands, heads side by side and rows apart by more than their length.
func attnOf(s []int, mask []float32) *AttnShape {
	return &AttnShape{Heads: attnFamilyHeads, Tq: s[0], Tk: s[1], D: s[2], Dv: s[3], Scale: attnFamilyScale, Mask: mask}
}

func attnFamilyView(data []float32, features int) AttnView {
	return AttnView{Data: data, Head: features, Row: attnFamilyHeads*features + gap}
}

// attnLens are the lengths of q, k, v and o.
func attnLens(s []int) []int {
	h := attnFamilyHeads
	return []int{matrix(s[0], h*s[2]), matrix(s[1], h*s[2]), matrix(s[1], h*s[3]), matrix(s[0], h*s[3])}
}

// attnHeadOf is head h of a view in float64, contiguous.
func attnHeadOf(x []float64, h, tokens, features int) []float64 {
	out := make([]float64, 0, tokens*features)
	for t := range tokens {
		at := t*(attnFamilyHeads*features+gap) + h*features
		out = append(out, x[at:at+features]...)
	}
	return out
}

func attnPutHead(x []float64, h, tokens, features int, v []float64) {
	for t := range tokens {
		copy(x[t*(attnFamilyHeads*features+gap)+h*features:][:features], v[t*features:])
	}
}

// attentionFamilies are attention with and without a mask.
func attentionFamilies() (list []family) {
	for _, masked := range []bool{false, true} {
		f := family{
			name: fmt.Sprintf("Attention mask=%t", masked), sizes: attnSizes(), special: attnSpecial, abs: 1e-5, rel: 1e-5, blur: true,
			operands: func(s []int) []int { return append(attnLens(s)[:3], s[0]*s[1]) },
			results:  func(s []int) []int { return []int{attnLens(s)[3], attnFamilyHeads * s[0]} },
			linear:   [][2]int{{2, 0}},
		}
		f.fast = func(s []int, in, out [][]float32) {
			shape := attnOf(s, nil)
			if masked {
				shape.Mask = in[3]
			}
			Attention(attnFamilyView(out[0], s[3]), attnFamilyView(in[0], s[2]), attnFamilyView(in[1], s[2]), attnFamilyView(in[2], s[3]),
				out[1], nil, shape, 0, attnFamilyHeads, make([]float32, AttentionScratch(shape)))
		}
		f.truth = func(s []int, in, out [][]float64) {
			for h := range attnFamilyHeads {
				o := make([]float64, s[0]*s[3])
				_, lse := attnReference(o, attnHeadOf(in[0], h, s[0], s[2]), attnHeadOf(in[1], h, s[1], s[2]), attnHeadOf(in[2], h, s[1], s[3]),
					maskIf(masked, in[3]), attnFamilyScale, s[0], s[1], s[2], s[3])
				attnPutHead(out[0], h, s[0], s[3], o)
				copy(out[1][h*s[0]:], lse)
			}
		}
		list = append(list, f)
	}
	return list
}

func maskIf[T any](masked bool, m []T) []T {
	if !masked {
		return nil
	}
	return m
}

// attentionGradFamilies are the backward pass with the probabilities kept and computed again.
func attentionGradFamilies() (list []family) {
	for mode := range 4 {
		keep, masked := mode&1 != 0, mode&2 != 0
		f := family{
			name: fmt.Sprintf("AttentionGrad kept=%t mask=%t", keep, masked), sizes: attnSizes(), special: attnSpecial, abs: 4e-5, rel: 2e-5, blur: true,
			operands: func(s []int) []int { n := attnLens(s); return []int{n[0], n[1], n[2], s[0] * s[1], n[3]} },
			results:  func(s []int) []int { return attnLens(s)[:3] },
			linear:   [][2]int{{4, 0}, {4, 1}, {4, 2}},
		}
		f.fast = func(s []int, in, out [][]float32) {
			shape := attnOf(s, maskIf(masked, in[3]))
			q, k, v, do := attnFamilyView(in[0], s[2]), attnFamilyView(in[1], s[2]), attnFamilyView(in[2], s[3]), attnFamilyView(in[4], s[3])
			o, lse := attnFamilyView(make([]float32, attnLens(s)[3]), s[3]), make([]float32, attnFamilyHeads*s[0])
			var kept []float32
			if keep {
				kept = make([]float32, attnKeptLen(shape))
			}
			Attention(o, q, k, v, lse, kept, shape, 0, attnFamilyHeads, make([]float32, AttentionScratch(shape)))
			AttentionGrad(attnFamilyView(out[0], s[2]), attnFamilyView(out[1], s[2]), attnFamilyView(out[2], s[3]), do, q, k, v, o, lse, kept,
				shape, 0, attnFamilyHeads, make([]float32, AttentionGradScratch(shape)))
		}
		f.truth = func(s []int, in, out [][]float64) {
			for h := range attnFamilyHeads {
				q, k, v := attnHeadOf(in[0], h, s[0], s[2]), attnHeadOf(in[1], h, s[1], s[2]), attnHeadOf(in[2], h, s[1], s[3])
				dq, dk, dv := make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))
				p, _ := attnReference(make([]float64, s[0]*s[3]), q, k, v, maskIf(masked, in[3]), attnFamilyScale, s[0], s[1], s[2], s[3])
				attnReferenceGrad(dq, dk, dv, attnHeadOf(in[4], h, s[0], s[3]), q, k, v, p, attnFamilyScale, s[0], s[1], s[2], s[3])
				attnPutHead(out[0], h, s[0], s[2], dq)
				attnPutHead(out[1], h, s[1], s[2], dk)
				attnPutHead(out[2], h, s[1], s[3], dv)
			}
		}
		list = append(list, f)
	}
	return list
}

func TestConformAttention(t *testing.T) {
	conform(t, attentionFamilies())
	conform(t, attentionGradFamilies())
}
