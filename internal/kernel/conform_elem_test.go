package kernel

import (
	"fmt"
	"math"
	"testing"
)

// same returns a function of the first size, k times.
func same(k int) func(s []int) []int {
	return func(s []int) (n []int) {
		for range k {
			n = append(n, count(s))
		}
		return n
	}
}

// unaryFamilies are every function and derivative.
func unaryFamilies() (list []family) {
	for u := NoUnary; u < unaryCount; u++ {
		tol := tolerances[u]
		f := family{
			name: u.String(), sizes: oneSize()[1:], special: [][]int{{1}, {7}, {16}, {37}}, operands: same(1), results: same(1),
			fast:  func(_ []int, in, out [][]float32) { Map(u, out[0], in[0]) },
			truth: func(_ []int, in, out [][]float64) { mapReference(u, out[0], in[0]) },
			abs:   max(tol.abs, 2) * half, rel: max(tol.rel, 2) * half,
			prepare: func(_ []int, in [][]float32) { positive(u, in[0]) },
		}
		if u == NoUnary || u == Neg || u == Abs {
			f.linear = [][2]int{{0, 0}}
		}
		list = append(list, f)
		if u.Differentiable() {
			list = append(list, unaryGradFamily(u, f))
		}
	}
	return list
}

func unaryGradFamily(u Unary, f family) family {
	f.name += "Grad"
	f.operands = same(2)
	f.fast = func(_ []int, in, out [][]float32) { MapGrad(u, out[0], in[1], in[0]) }
	f.truth = func(_ []int, in, out [][]float64) {
		copy(out[0], in[1])
		mapGradReference(u, out[0], out[0], in[0])
	}
	f.abs, f.rel = max(tolerances[u].gradAbs, 4)*4*half, max(tolerances[u].rel, 4)*half
	f.linear = [][2]int{{1, 0}}
	f.skip = func(_ []int, op int, v float32) bool {
		return op == 0 && (v == 0 || v == 1e-42) && (u == Log || u == Sqrt || u == Reciprocal || u == ReciprocalSqrt) // poles
	}
	return f
}

// bothFamilies are the functions with their derivatives in one pass.
func bothFamilies() (list []family) {
	for u := NoUnary; u < unaryCount; u++ {
		if !u.Differentiable() {
			continue
		}
		f := unaryGradFamily(u, family{sizes: oneSize()[1:72], special: [][]int{{1}, {7}, {16}, {37}}})
		f.name, f.operands, f.results, f.linear = u.String()+" with slope", same(1), same(2), nil
		f.prepare = func(_ []int, in [][]float32) { positive(u, in[0]) }
		f.fast = func(_ []int, in, out [][]float32) { MapBoth(u, out[0], out[1], in[0]) }
		f.truth = func(_ []int, in, out [][]float64) {
			mapReference(u, out[0], in[0])
			for i := range out[1] {
				out[1][i] = 1
			}
			mapGradReference(u, out[1], out[1], in[0])
		}
		list = append(list, f)
	}
	return list
}

// TestMapBothBits: value and slope are those of Map and MapGrad, bit for bit where they are not next to nothing.
func TestMapBothBits(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for u := NoUnary; u < unaryCount; u++ {
			if !u.Differentiable() {
				continue
			}
			x := sweep(u)
			y, s, want, slope := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
			MapBoth(u, y, s, x)
			Map(u, want, x)
			sameBits(t, u.String(), y, want)
			attnFill(slope, 1)
			MapGrad(u, slope, slope, x)
			for i, v := range slope {
				if s[i] != v && (s[i] == s[i] || v == v) && !(math.Abs(float64(s[i]-v)) < 1e-30) {
					t.Fatalf("%v: slope at %g is %g, on its own %g", u, x[i], s[i], v)
				}
			}
		}
	})
}

// positive moves random numbers to where the logarithm and the roots are defined.
func positive(u Unary, x []float32) {
	if u == Log || u == Sqrt || u == ReciprocalSqrt || u == Reciprocal {
		for i, v := range x {
			x[i] = 0.1 + float32(math.Abs(float64(v)))
		}
	}
}

// binaryFamilies are every binary function on two rows, and on a row and a number on either side.
func binaryFamilies() (list []family) {
	for b := Add; b < binaryCount; b++ {
		for mode, name := range []string{"rows", "row and number", "number and row"} {
			dx, dy := 1, 1
			if mode == 1 {
				dy = 0
			} else if mode == 2 {
				dx = 0
			}
			f := family{
				name: b.String() + " of " + name, sizes: oneSize()[1:72], special: [][]int{{1}, {7}, {16}, {37}}, results: same(1),
				operands: func(s []int) []int { return []int{1 + (s[0]-1)*dx, 1 + (s[0]-1)*dy} },
				fast:     func(_ []int, in, out [][]float32) { binaryRow(b, out[0], in[0], dx, in[1], dy) },
				truth:    func(_ []int, in, out [][]float64) { binaryReference(b, out[0], in[0], dx, in[1], dy) },
				rel:      2 * half,
			}
			if b == Mul {
				f.linear = [][2]int{{0, 0}, {1, 0}}
			} else if b == Div {
				f.linear = [][2]int{{0, 0}}
			}
			list = append(list, f)
		}
	}
	return list
}

// vectorFamilies are the kernels of sums and multiples.
func vectorFamilies() []family {
	sizes := oneSize()[1:]
	one := func(s []int) []int { return []int{1} }
	return []family{
		{name: "Axpy", sizes: sizes, operands: same(2), results: same(1), rel: 2 * half, abs: 4 * half, linear: nil,
			fast: func(_ []int, in, out [][]float32) { copy(out[0], in[0]); Axpy(out[0], -0.75, in[1]) },
			truth: func(_ []int, in, out [][]float64) {
				for i, v := range in[1] {
					out[0][i] = in[0][i] - 0.75*v
				}
			}},
		{name: "Scale", sizes: sizes, operands: same(1), results: same(1), rel: half, linear: [][2]int{{0, 0}},
			fast: func(_ []int, in, out [][]float32) { Scale(out[0], -0.75, in[0]) },
			truth: func(_ []int, in, out [][]float64) {
				for i, v := range in[0] {
					out[0][i] = -0.75 * v
				}
			}},
		{name: "AddTo", sizes: sizes, operands: same(2), results: same(1), rel: half,
			fast: func(_ []int, in, out [][]float32) { copy(out[0], in[0]); AddTo(out[0], in[1]) },
			truth: func(_ []int, in, out [][]float64) {
				for i, v := range in[1] {
					out[0][i] = in[0][i] + v
				}
			}},
		{name: "Dot", sizes: sizes, operands: same(2), results: one, abs: 1e-5, rel: half, linear: [][2]int{{0, 0}, {1, 0}},
			fast:  func(_ []int, in, out [][]float32) { out[0][0] = float32(Dot(in[0], in[1])) },
			truth: func(_ []int, in, out [][]float64) { out[0][0] = dotReference(in[0], in[1]) }},
	}
}

// reduceFamilies are every reduction of rows and of columns.
func reduceFamilies() (list []family) {
	for k := Sum; k < reduceCount; k++ {
		for axis, name := range []string{"columns", "rows"} {
			kept := 1 - axis
			f := family{
				name: k.String() + " of " + name, sizes: rowSizes(), special: fewRows, operands: same(1),
				results: func(s []int) []int { return []int{s[kept]} },
				fast:    func(s []int, in, out [][]float32) { NewReduction(s, []int{axis}).Apply(k, out[0], in[0]) },
				truth: func(s []int, in, out [][]float64) {
					reduceRange(NewReduction(s, []int{axis}), k, out[0], in[0], 0, s[kept])
				},
				abs: 1e-5, rel: 1e-6,
			}
			if k == LogSum { // of positive numbers
				f.prepare = func(_ []int, in [][]float32) { positive(Log, in[0]) }
			}
			if k == Sum || k == Mean || k == L1 || k == ReduceMax || k == ReduceMin {
				f.linear = [][2]int{{0, 0}}
			}
			list = append(list, f)
		}
	}
	return list
}

// weightedFamilies are sums of weighted rows that are gap apart beyond their length.
func weightedFamilies() (list []family) {
	for _, fours := range []bool{false, true} {
		list = append(list, family{
			name: fmt.Sprintf("WeightedRows fours=%t", fours), sizes: manyRows(), special: [][]int{{1, 1}, {3, 7}, {4, 16}, {13, 70}},
			operands: func(s []int) []int { return []int{matrix(s[0], s[1]), s[0]} },
			results:  func(s []int) []int { return s[1:] }, linear: [][2]int{{0, 0}, {1, 0}}, abs: 1e-5, rel: 1e-6,
			fast:  func(s []int, in, out [][]float32) { WeightedRows(out[0], in[0], s[1]+gap, in[1], fours) },
			truth: func(s []int, in, out [][]float64) { clear(out[0]); weightedReference(out[0], in[0], s[1]+gap, in[1]) },
		})
	}
	return list
}

// manyRows are lengths with every number of rows to 13.
func manyRows() (s [][]int) {
	for i, n := range oneSize()[1:] {
		s = append(s, []int{1 + i%13, n[0]})
	}
	return s
}

func TestConformElements(t *testing.T) {
	conform(t, unaryFamilies())
	conform(t, bothFamilies())
	conform(t, binaryFamilies())
	conform(t, vectorFamilies())
	conform(t, reduceFamilies())
	conform(t, weightedFamilies())
}
