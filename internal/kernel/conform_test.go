package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// family is a kernel with its meaning in float64. Every family goes through every case of [conform] on every
// instruction set: sizes, memory at any alignment with guards around the results and unreadable pages behind the
// operands, zeros, denormal numbers, infinities and NaN.
type family struct {
	name     string
	sizes    [][]int // those of the random case
	special  [][]int // those of the other cases, few; nil for some of sizes
	operands func(s []int) []int
	results  func(s []int) []int                   // results start as guards: what is not meant to be written stays one
	fast     func(s []int, in, out [][]float32)    // the kernel
	truth    func(s []int, in, out [][]float64)    // its meaning
	prepare  func(s []int, in [][]float32)         // makes random numbers fit for the kernel, if they are not
	linear   [][2]int                              // pairs of an operand and a result that is a multiple of it
	abs, rel float64                               // tolerances; abs is for results of order 1
	blur     bool                                  // the kernel sums in another order than truth: where an operand is infinite, NaN may stand for an infinity or the other way round
	skip     func(s []int, op int, v float32) bool // special values that an operand cannot take
}

// conform runs every case of every family.
func conform(t *testing.T, families []family) {
	onEveryCPU(t, func(t *testing.T) {
		for _, f := range families {
			t.Run(f.name, func(t *testing.T) {
				for i, s := range f.sizes {
					f.random(t, s, uint64(i))
				}
				for _, s := range f.few() {
					f.zeros(t, s)
					f.denormals(t, s)
					f.specials(t, s)
				}
			})
		}
	})
}

// few returns the sizes of the cases that run once for each operand and place.
func (f *family) few() [][]int {
	if f.special != nil {
		return f.special
	}
	n := len(f.sizes)
	return [][]int{f.sizes[0], f.sizes[n/3], f.sizes[2*n/3]}
}

// inputs returns random operands, each at the end of a readable page: its alignment depends on its length.
func (f *family) inputs(s []int, seed uint64) [][]float32 {
	var in [][]float32
	for i, n := range f.operands(s) {
		x := edge(i, n)
		copy(x, random(seed+uint64(i)<<32, n))
		in = append(in, x)
	}
	if f.prepare != nil {
		f.prepare(s, in)
	}
	return in
}

// run computes the results by the kernel and fails if it wrote around them.
func (f *family) run(t testing.TB, s []int, in [][]float32) [][]float32 {
	t.Helper()
	var out [][]float32
	var checks []func(string)
	for _, n := range f.results(s) {
		x, check := fenced(t, n)
		out, checks = append(out, x), append(checks, check)
		attnFill(x, guard)
	}
	before := make([][]float32, len(in))
	for i, x := range in {
		before[i] = slices.Clone(x)
	}
	f.fast(s, in, out)
	for i, x := range in {
		sameBits(t, fmt.Sprintf("%s %v: operand %d afterwards", f.name, s, i), x, before[i])
	}
	for _, check := range checks {
		check(f.name)
	}
	return out
}

// compare checks the kernel on operands against the truth.
func (f *family) compare(t testing.TB, what string, s []int, in [][]float32, blur bool) [][]float32 {
	t.Helper()
	got := f.run(t, s, in)
	wide64, want := make([][]float64, len(in)), make([][]float64, len(got))
	for i, x := range in {
		wide64[i] = wide(x)
	}
	for i, x := range got {
		want[i] = make([]float64, len(x))
		for j := range x {
			want[i][j] = float64(float32(guard))
		}
	}
	f.truth(s, wide64, want)
	for i := range got {
		for j, w := range want[i] {
			if !f.agree(float64(got[i][j]), w, blur) {
				t.Fatalf("%s %v, %s: element %d of result %d is %g, want %g", f.name, s, what, j, i, got[i][j], w)
			}
		}
	}
	return got
}

// agree compares one number: a NaN must meet a NaN and an infinity the same one or, with blur, one of the two.
func (f *family) agree(g, w float64, blur bool) bool {
	if math.IsInf(w, 0) || math.IsNaN(w) {
		return g == w || g != g && w != w || blur && (g != g || math.IsInf(g, 0))
	}
	if r := float64(float32(w)); math.IsInf(r, 0) { // too large for a float32
		return g == r
	}
	return math.Abs(g-w) <= f.abs+f.rel*math.Abs(w)+2e-45
}

func (f *family) random(t *testing.T, s []int, seed uint64) {
	f.compare(t, "random numbers", s, f.inputs(s, seed), false)
}

// zeros makes every operand zero in turn.
func (f *family) zeros(t *testing.T, s []int) {
	for i := range f.operands(s) {
		if f.skip != nil && f.skip(s, i, 0) {
			continue
		}
		in := f.inputs(s, 1)
		clear(in[i])
		got := f.compare(t, fmt.Sprintf("operand %d zero", i), s, in, false)
		for _, l := range f.linear {
			if l[0] != i {
				continue
			}
			for j, v := range got[l[1]] {
				if v != 0 && v != guard {
					t.Fatalf("%s %v: element %d is %g for an operand of zeros", f.name, s, j, v)
				}
			}
		}
	}
}

// denormals scales an operand until its numbers are denormal: what is linear in it has to follow, to the few bits that
// are left. Results of kernels that flush such numbers to zero would not.
func (f *family) denormals(t *testing.T, s []int) {
	const tiny = 0x1p-130
	for _, l := range f.linear {
		in := f.inputs(s, 2)
		x := in[l[0]]
		small := make([]float32, len(x))
		for i := range x {
			small[i] = x[i] * tiny
			x[i] = small[i] / tiny // the bits that are left
		}
		normal := f.run(t, s, in)[l[1]]
		copy(x, small)
		top := 0.0
		for _, v := range normal {
			if v != guard {
				top = max(top, math.Abs(float64(v)))
			}
		}
		for j, v := range f.run(t, s, in)[l[1]] {
			w := float64(normal[j])
			if w == float64(float32(guard)) {
				continue
			}
			if d := math.Abs(float64(v)/tiny - w); !(d <= 2e-4*max(1, top)) {
				t.Fatalf("%s %v: operand %d times 2^-130: element %d of result %d is %g, want %g", f.name, s, l[0], j, l[1], v, w*tiny)
			}
		}
	}
}

// specials puts NaN and the infinities at the ends and in the middle of every operand.
func (f *family) specials(t *testing.T, s []int) {
	for i, n := range f.operands(s) {
		places := []int{0, n / 2, n - 1, n * 2 / 3}
		slices.Sort(places)
		for _, at := range slices.Compact(places) {
			for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-42} {
				if at < 0 || at >= n || f.skip != nil && f.skip(s, i, v) {
					continue
				}
				in := f.inputs(s, 3)
				in[i][at] = v
				f.compare(t, fmt.Sprintf("%g at %d of operand %d", v, at, i), s, in, f.blur && math.IsInf(float64(v), 0))
			}
		}
	}
}

// oneSize lists [n] for every length of the tests.
func oneSize() (s [][]int) {
	for _, n := range lengths {
		s = append(s, []int{n})
	}
	return s
}

// rowSizes lists [rows, n].
func rowSizes() (s [][]int) {
	for _, n := range lengths[1:] {
		s = append(s, []int{1 + n%3, n})
	}
	return s
}

// fewRows are those of the special cases: below, at and above a vector, and real rows.
var fewRows = [][]int{{2, 1}, {2, 7}, {3, 16}, {2, 33}, {2, 70}, {1, 197}}

// families are all of them.
func families() (list []family) {
	for _, f := range [][]family{unaryFamilies(), bothFamilies(), binaryFamilies(), vectorFamilies(), reduceFamilies(), gemmFamilies(), packedFamilies(),
		tileRowFamilies(), attentionFamilies(), attentionGradFamilies(), softmaxFamilies(), layerNormFamilies(), otherNormFamilies(), weightedFamilies(), boxFamilies()} {
		list = append(list, f...)
	}
	return list
}

// FuzzConform takes any kernel through any shape with any number anywhere, on every instruction set.
func FuzzConform(f *testing.F) {
	all := families()
	for i := range all {
		f.Add(uint16(i), byte(i), byte(3*i), byte(5*i), byte(7*i), byte(i), uint16(11*i), uint32(0x7f800000)+uint32(i))
	}
	f.Fuzz(func(t *testing.T, which uint16, a, b, c, d, op byte, place uint16, bits uint32) {
		k := &all[int(which)%len(all)]
		s := make([]int, len(k.sizes[0]))
		for i, v := range []byte{a, b, c, d}[:len(s)] {
			s[i] = 1 + int(v)%90
		}
		if len(s) == 2 {
			s[0], s[1] = 1+s[0]%5, s[1]+2
		}
		v := math.Float32frombits(bits)
		if v != v {
			v = float32(math.NaN()) // any payload
		}
		lens := k.operands(s)
		i := int(op) % len(lens)
		if math.Abs(float64(v)) > 50 && !math.IsInf(float64(v), 0) || k.skip != nil && k.skip(s, i, v) {
			v = 0.5 // what large numbers may do is a matter of rounding
		}
		cpuLoop(t, func(path string) {
			in := k.inputs(s, uint64(bits))
			in[i][int(place)%lens[i]] = v
			k.compare(t, fmt.Sprintf("on %s with %g at %d of operand %d", path, v, int(place)%lens[i], i), s, in, k.blur && math.IsInf(float64(v), 0))
		})
	})
}
