package kernel

import (
	"math"
	"testing"
)

// boxFamilies are the kernels of steps inside a box: x, then the bounds or the signs.
func boxFamilies() []family {
	ordered := func(_ []int, in [][]float32) {
		for i := range in[1] {
			in[1][i], in[2][i] = min(in[1][i], in[2][i]), max(in[1][i], in[2][i])
		}
	}
	bounds := func(_ []int, op int, v float32) bool { return op > 0 && (v != v || v < 0) } // bounds are numbers in order
	one := func([]int) []int { return []int{1} }
	return []family{
		{name: "Clamp", sizes: oneSize()[1:], special: [][]int{{1}, {7}, {16}, {70}}, operands: same(3), results: same(1), prepare: ordered, skip: bounds,
			fast:  func(_ []int, in, out [][]float32) { copy(out[0], in[0]); Clamp(out[0], in[1], in[2]) },
			truth: func(_ []int, in, out [][]float64) { copy(out[0], in[0]); clampReference(out[0], in[1], in[2]) }},
		{name: "AddSigned", sizes: oneSize()[1:], special: [][]int{{1}, {7}, {16}, {70}}, operands: same(2), results: same(1), rel: half,
			fast:  func(_ []int, in, out [][]float32) { copy(out[0], in[0]); AddSigned(out[0], in[1], 0.25) },
			truth: func(_ []int, in, out [][]float64) { copy(out[0], in[0]); addSignedReference(out[0], in[1], 0.25) },
			skip:  func(_ []int, op int, v float32) bool { return op == 1 && v != v }}, // NaN has either sign
		{name: "Inside", sizes: oneSize()[1:], special: [][]int{{1}, {7}, {16}, {70}}, operands: same(3), results: one, prepare: ordered,
			fast: func(_ []int, in, out [][]float32) {
				out[0][0] = float32(indicator(Inside(in[0], in[1], in[2])))
			},
			truth: func(_ []int, in, out [][]float64) {
				out[0][0] = 1
				for i, v := range in[0] {
					out[0][0] *= indicator(v >= in[1][i] && v <= in[2][i])
				}
			}},
		{name: "Finite", sizes: oneSize()[1:], special: [][]int{{1}, {7}, {16}, {70}}, operands: same(1), results: one,
			fast: func(_ []int, in, out [][]float32) { out[0][0] = float32(indicator(Finite(in[0]))) },
			truth: func(_ []int, in, out [][]float64) {
				out[0][0] = 1
				for _, v := range in[0] {
					out[0][0] *= indicator(v-v == 0)
				}
			}},
	}
}

func TestConformBoxes(t *testing.T) { conform(t, boxFamilies()) }

// TestInsideFindsAnyPlace: one number outside is enough, wherever it is, and none is not.
func TestInsideFindsAnyPlace(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for n := 1; n <= 70; n++ {
			x, lo, hi := make([]float32, n), make([]float32, n), make([]float32, n)
			attnFill(hi, 1)
			if !Inside(x, lo, hi) || !Finite(x) {
				t.Fatalf("%d numbers on the bound are outside or not finite", n)
			}
			for at := range n {
				for _, v := range []float32{1.0000001, -1e-45, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					x[at] = v
					if Inside(x, lo, hi) || Finite(x) != (v-v == 0) {
						t.Fatalf("%g at %d of %d: inside %t, finite %t", v, at, n, Inside(x, lo, hi), Finite(x))
					}
				}
				x[at] = 0
			}
		}
	})
}
