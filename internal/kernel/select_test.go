package kernel

import (
	"cmp"
	"math"
	"slices"
	"testing"
)

func TestArgMaxAndArgMin(t *testing.T) {
	nan := float32(math.NaN())
	x := []float32{1, 5, 3, 5, 5, 2, 1, nan, 9, nan, 0, 0}
	for _, c := range []struct {
		f    func(y []int64, x []float32, outer, n, inner int, last bool)
		last bool
		n    int
		in   int
		want []int64
	}{
		{ArgMax, false, 6, 1, []int64{1, 1}}, {ArgMax, true, 6, 1, []int64{4, 3}}, {ArgMin, false, 6, 1, []int64{0, 1}},
		{ArgMax, false, 3, 2, []int64{2, 0, 1, 0}}, {ArgMin, true, 3, 2, []int64{0, 2, 2, 1}},
	} {
		y := make([]int64, len(c.want))
		c.f(y, x, 12/c.n/c.in, c.n, c.in, c.last)
		if !slices.Equal(y, c.want) {
			t.Errorf("n=%d inner=%d last=%v: %v, want %v", c.n, c.in, c.last, y, c.want)
		}
	}
}

func TestTopKIsTheHeadOfAStableSort(t *testing.T) {
	for n := 1; n < 40; n++ {
		x := random(uint64(n), n)
		for i := range x {
			x[i] = float32(math.Round(float64(x[i]) * 3)) // ties
		}
		for _, smallest := range []bool{false, true} {
			order := make([]int64, n)
			for i := range order {
				order[i] = int64(i)
			}
			slices.SortStableFunc(order, func(a, b int64) int {
				if smallest {
					a, b = b, a
				}
				return cmp.Compare(x[b], x[a])
			})
			k := n/2 + 1
			v, at := make([]float32, k), make([]int64, k)
			TopK(v, at, x, 1, n, k, smallest)
			for i := range k {
				if at[i] != order[i] || v[i] != x[order[i]] {
					t.Fatalf("n=%d smallest=%v: %v, want %v", n, smallest, at, order[:k])
				}
			}
		}
	}
}

func TestCumSum(t *testing.T) {
	x := []float32{1, 10, 2, 20, 3, 30}
	for _, c := range []struct {
		exclusive, reverse bool
		want               []float32
	}{
		{false, false, []float32{1, 10, 3, 30, 6, 60}}, {true, false, []float32{0, 0, 1, 10, 3, 30}},
		{false, true, []float32{6, 60, 5, 50, 3, 30}}, {true, true, []float32{5, 50, 3, 30, 0, 0}},
	} {
		y := slices.Clone(x)
		CumSum(y, y, 1, 3, 2, c.exclusive, c.reverse)
		sameBits(t, "CumSum", y, c.want)
	}
}

func TestWhere(t *testing.T) {
	z := make([]int64, 4)
	Where(z, []float32{1, 0, float32(math.NaN()), -2}, []int64{1, 2, 3, 4}, []int64{5, 6, 7, 8})
	if !slices.Equal(z, []int64{1, 6, 3, 4}) {
		t.Errorf("got %v", z)
	}
}

func TestQuantizeDequantize(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0.25, 0.75, -0.25, 100, -100, inf, -inf, nan}
	q := &QuantScale{Scale: []float32{0.5}, Zero: []int32{10}, Hi: 255}
	y := make([]float32, len(x))
	QuantizeDequantize(y, x, q, 1, len(x))
	near(t, "uint8", y, []float64{0, 1, 0, 100, -5, 122.5, -5, math.NaN()}, 0, 0)
	QuantizeDequantizeGrad(y, []float32{1, 1, 1, 1, 1, 1, 1, 1}, x, q, 1, len(x))
	near(t, "straight through", y, []float64{1, 1, 1, 1, 0, 0, 0, 1}, 0, 0)
	per := &QuantScale{Scale: []float32{1, 0.1}, Lo: -128, Hi: 127}
	QuantizeDequantize(y, []float32{2.5, -200, 2.54, -200, 3.5, 1, 0, 1000}, per, 2, 2)
	near(t, "int8 per channel", y, []float64{2, -128, 2.5, -12.8, 4, 1, 0, 12.7}, 0, 1e-6)
	Dequantize(y[:4], []int8{-128, 127, 1, 2}, per, 1, 2)
	near(t, "Dequantize", y[:4], []float64{-128, 127, 0.1, 0.2}, 0, 1e-6)
	Dequantize(y[:1], []uint8{7}, q, 1, 1)
	near(t, "Dequantize uint8", y[:1], []float64{-1.5}, 0, 0)
}
