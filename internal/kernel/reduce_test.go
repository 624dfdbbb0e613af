package kernel

import (
	"math"
	"slices"
	"testing"
)

func naiveReduce(k Reduce, x []float64) float64 {
	s := 0.0
	switch k {
	case Prod:
		s = 1
	case ReduceMax, ReduceMin:
		s = math.Inf(2*int(k-ReduceMax) - 1)
	}
	for _, v := range x {
		switch k {
		case Sum, Mean, LogSum:
			s += v
		case ReduceMax:
			s = math.Max(s, v)
		case ReduceMin:
			s = math.Min(s, v)
		case Prod:
			s *= v
		case L1:
			s += math.Abs(v)
		case L2, SumSquare:
			s += v * v
		case LogSumExp:
			s += math.Exp(v)
		}
	}
	switch k {
	case Mean:
		return s / float64(len(x))
	case L2:
		return math.Sqrt(s)
	case LogSumExp, LogSum:
		return math.Log(s)
	}
	return s
}

// naiveGroups returns the terms of each result in row-major order.
func naiveGroups(shape, axes []int, x []float32) [][]float64 {
	stride := make([]int, len(shape))
	n := 1
	for a := len(shape) - 1; a >= 0; a-- {
		if !slices.Contains(axes, a) {
			stride[a] = n
			n *= shape[a]
		}
	}
	groups := make([][]float64, n)
	index := make([]int, len(shape))
	for _, v := range x {
		g := at(index, stride)
		groups[g] = append(groups[g], float64(v))
		next(index, shape)
	}
	return groups
}

func TestReductionOverEveryChoiceOfAxes(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for _, shape := range [][]int{{}, {70}, {4, 5}, {3, 1, 37}, {3, 2, 4, 5}, {2, 0, 3}, {1, 50, 40}} {
			x := random(3, count(shape))
			for mask := range 1 << len(shape) {
				var axes []int
				for a := range shape {
					if mask>>a&1 == 1 {
						axes = append(axes, a)
					}
				}
				checkReduction(t, shape, axes, x)
			}
		}
	})
}

func checkReduction(t *testing.T, shape, axes []int, x []float32) {
	r := NewReduction(shape, axes)
	groups := naiveGroups(shape, axes, x)
	if r.Len() != len(groups) {
		t.Fatalf("%v over %v has %d results, want %d", shape, axes, r.Len(), len(groups))
	}
	for k := Sum; k < reduceCount; k++ {
		want := make([]float64, len(groups))
		for i, g := range groups {
			want[i] = naiveReduce(k, g)
		}
		y := make([]float32, len(want))
		r.Apply(k, y, x)
		near(t, k.String(), y, want, 1e-6, 1e-6)
		parts := make([]float32, len(y))
		for lo := 0; lo < len(y); lo += 5 {
			r.ApplyRange(k, parts, x, lo, min(lo+5, len(y)))
		}
		sameBits(t, k.String()+" in parts", parts, y)
	}
}

func TestReductionSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	onEveryCPU(t, func(t *testing.T) {
		for n := 1; n < 40; n++ {
			for p := range n {
				x := make([]float32, n)
				x[p] = nan
				for k := Sum; k < reduceCount; k++ {
					y := []float32{0}
					NewReduction([]int{n}, []int{0}).Apply(k, y, x)
					if y[0] == y[0] {
						t.Fatalf("%v of %d with NaN at %d is %g", k, n, p, y[0])
					}
				}
			}
		}
		for _, c := range []struct {
			k    Reduce
			x    []float32
			want float32
		}{
			{ReduceMax, []float32{-inf, -inf}, -inf}, {LogSumExp, []float32{-inf, -inf}, -inf}, {LogSumExp, []float32{1, inf}, inf},
			{LogSumExp, []float32{1000, 1000}, 1000.69315}, {Sum, []float32{inf, 1}, inf}, {L1, []float32{-inf}, inf},
			{Sum, []float32{1e8, 1, -1e8}, 1},
		} {
			y := []float32{0}
			NewReduction([]int{len(c.x)}, []int{0}).Apply(c.k, y, c.x)
			if y[0] != c.want {
				t.Errorf("%v of %v = %g, want %g", c.k, c.x, y[0], c.want)
			}
		}
	})
}
