package resample

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// golden is one case of testdata/goldens.json (see testdata/make_goldens.py).
type golden struct {
	H, W, OH, OW int
	Src          []float32
	PIL          map[Filter][]float32
	Torch        map[Filter][]float32
	Antialias    map[Filter][]float32
}

func readGoldens(t *testing.T) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g []golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func pilPlan(t testing.TB, f Filter, h, w, oh, ow int) *Separable {
	t.Helper()
	x, err := PIL(f, w, ow, 0, ow)
	if err != nil {
		t.Fatal(err)
	}
	y, err := PIL(f, h, oh, 0, oh)
	if err != nil {
		t.Fatal(err)
	}
	return NewSeparable(x, y)
}

func torchPlan(t testing.TB, f Filter, h, w, oh, ow int) *Separable {
	t.Helper()
	x, err := Torch(f, w, ow)
	if err != nil {
		t.Fatal(err)
	}
	y, err := Torch(f, h, oh)
	if err != nil {
		t.Fatal(err)
	}
	return NewSeparable(x, y)
}

func apply(s *Separable, src []float32) []float32 {
	dst := make([]float32, s.OutLen())
	s.Apply(dst, src, make([]float32, s.Scratch()))
	return dst
}

func maxDiff(a, b []float32) float64 {
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}

func scaled(v []float32, f float32) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = v[i] * f
	}
	return out
}

// PIL rounds after the horizontal and after the vertical pass: half a level each, the first one amplified by
// the absolute sum of the vertical weights (below 1.4).
func TestPILGoldens(t *testing.T) {
	for _, g := range readGoldens(t) {
		if len(g.PIL) != 6 {
			t.Fatalf("golden has %d filters", len(g.PIL))
		}
		for f, want := range g.PIL {
			tol := 1.25
			if f == Nearest {
				tol = 0
			}
			if d := maxDiff(apply(pilPlan(t, f, g.H, g.W, g.OH, g.OW), g.Src), want); !(d <= tol) {
				t.Errorf("%s %d×%d→%d×%d: %.3f levels from PIL", f, g.H, g.W, g.OH, g.OW, d)
			}
		}
	}
}

func TestTorchGoldens(t *testing.T) {
	for _, g := range readGoldens(t) {
		src := scaled(g.Src, 1.0/255)
		for f, want := range g.Torch {
			if d := maxDiff(apply(torchPlan(t, f, g.H, g.W, g.OH, g.OW), src), want); !(d <= 1e-6) {
				t.Errorf("torch %s %d×%d→%d×%d: differs by %g", f, g.H, g.W, g.OH, g.OW, d)
			}
		}
		for f, want := range g.Antialias {
			if d := maxDiff(apply(pilPlan(t, f, g.H, g.W, g.OH, g.OW), src), want); !(d <= 1e-6) {
				t.Errorf("torch antialias %s %d×%d→%d×%d: differs by %g", f, g.H, g.W, g.OH, g.OW, d)
			}
		}
	}
}

func randoms(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func checkAdjoint(t *testing.T, s *Separable, name string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(s.InLen())))
	x, y := randoms(rng, s.InLen()), randoms(rng, s.OutLen())
	dsrc := randoms(rng, s.InLen()) // must be overwritten
	scratch := randoms(rng, s.Scratch())
	s.Adjoint(dsrc, y, scratch)
	lhs, rhs := dot(apply(s, x), y), dot(x, dsrc)
	if math.Abs(lhs-rhs) > 1e-5*(1+math.Sqrt(dot(x, x)*dot(y, y))) {
		t.Errorf("%s: ⟨Ax,y⟩ = %g, ⟨x,Aᵀy⟩ = %g", name, lhs, rhs)
	}
}

func TestAdjoint(t *testing.T) {
	sizes := [][4]int{{23, 31, 9, 14}, {5, 6, 17, 20}, {1, 9, 3, 4}, {16, 16, 16, 8}, {40, 3, 7, 7}, {12, 12, 12, 12}}
	for _, z := range sizes {
		for _, f := range []Filter{Nearest, Box, Bilinear, Hamming, Bicubic, Lanczos} {
			checkAdjoint(t, pilPlan(t, f, z[0], z[1], z[2], z[3]), string(f))
		}
		for _, f := range []Filter{Nearest, Bilinear, Bicubic} {
			checkAdjoint(t, torchPlan(t, f, z[0], z[1], z[2], z[3]), "torch "+string(f))
		}
	}
}

// A window is the same rows of the whole map, zero outside; its adjoint stays exact.
func TestWindow(t *testing.T) {
	whole, err := PIL(Bicubic, 37, 20, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]int{{3, 11}, {-4, 28}, {15, 10}, {25, 3}} {
		lo, n := c[0], c[1]
		part, err := PIL(Bicubic, 37, 20, lo, n)
		if err != nil {
			t.Fatal(err)
		}
		one, _ := PIL(Nearest, 1, 1, 0, 1)
		src := randoms(rand.New(rand.NewPCG(2, 3)), 37)
		full, got := apply(NewSeparable(whole, one), src), apply(NewSeparable(part, one), src)
		for j, v := range got {
			want := float32(0)
			if o := lo + j; o >= 0 && o < 20 {
				want = full[o]
			}
			if math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("window %v: output %d is %g, want %g", c, j, v, want)
			}
		}
		checkAdjoint(t, NewSeparable(part, part), "window")
	}
}

func TestBadSizes(t *testing.T) {
	for _, c := range [][4]int{{0, 1, 0, 1}, {1, 0, 0, 1}, {1, 1, 0, 0}, {MaxSide + 1, 1, 0, 1}, {1, 1 << 40, 0, 1 << 40}} {
		if _, err := PIL(Bicubic, c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("PIL%v: no error", c)
		}
	}
	if _, err := PIL("cubic", 3, 2, 0, 2); err == nil {
		t.Error("unknown filter accepted")
	}
	if _, err := Torch(Lanczos, 3, 2); err == nil {
		t.Error("torch has no lanczos")
	}
}

func TestNoAllocation(t *testing.T) {
	s := pilPlan(t, Bicubic, 60, 50, 32, 32)
	src, dst, scratch := make([]float32, s.InLen()), make([]float32, s.OutLen()), make([]float32, s.Scratch())
	if n := testing.AllocsPerRun(10, func() { s.Apply(dst, src, scratch); s.Adjoint(src, dst, scratch) }); n != 0 {
		t.Errorf("%g allocations a run", n)
	}
}

// TestInstructionSetsAgree: the sums are the same bits however they are computed.
func TestInstructionSetsAgree(t *testing.T) {
	for _, size := range [][4]int{{200, 200, 64, 64}, {37, 90, 64, 41}, {8, 9, 30, 3}, {501, 333, 224, 100}} {
		x, err := PIL(Bicubic, size[1], size[3], 0, size[3])
		if err != nil {
			t.Fatal(err)
		}
		y, err := PIL(Bicubic, size[0], size[2], -1, size[2]+2)
		if err != nil {
			t.Fatal(err)
		}
		s := NewSeparable(x, y)
		rng := rand.New(rand.NewPCG(1, 1))
		src, dout := make([]float32, s.InLen()), make([]float32, s.OutLen())
		for i := range src {
			src[i] = rng.Float32()
		}
		for i := range dout {
			dout[i] = rng.Float32() - 0.5
		}
		var first [][]float32
		for _, name := range kernel.CPUs() {
			restore, err := kernel.UseCPU(name)
			if err != nil {
				t.Fatal(err)
			}
			out, grad, scratch := make([]float32, s.OutLen()), make([]float32, s.InLen()), make([]float32, s.Scratch())
			s.Apply(out, src, scratch)
			s.Adjoint(grad, dout, scratch)
			restore()
			if first == nil {
				first = [][]float32{out, grad}
			}
			if !slices.Equal(out, first[0]) || !slices.Equal(grad, first[1]) {
				t.Errorf("%v: %s gives other bits than %s", size, name, kernel.CPUs()[0])
			}
		}
	}
}
