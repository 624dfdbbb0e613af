package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naivePool walks each window over image and padding and hands the pixels of it that lie in the image to f, with the
// number of its places in image or padding.
func naivePool(s *ConvShape, f func(c, o int, pixels []int, padded int)) {
	for c := range s.C {
		for o := range s.Oh * s.Ow {
			var pixels []int
			padded := 0
			for k := range s.Kh * s.Kw {
				h := o/s.Ow*s.Sh + k/s.Kw*s.Dh - s.Pt
				w := o%s.Ow*s.Sw + k%s.Kw*s.Dw - s.Pl
				if h < s.H+s.Pb && w < s.W+s.Pr {
					padded++
				}
				if h >= 0 && h < s.H && w >= 0 && w < s.W {
					pixels = append(pixels, h*s.W+w)
				}
			}
			f(c, o, pixels, padded)
		}
	}
}

func randomPool(r *rand.Rand) *ConvShape {
	s := randomConv(r, true)
	s.Oc = s.C
	ceil := r.IntN(2) == 0
	s.Oh = OutputSize(s.H, s.Kh, s.Sh, s.Dh, s.Pt, s.Pb, ceil)
	s.Ow = OutputSize(s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr, ceil)
	return s
}

func TestPooling(t *testing.T) { onEveryCPU(t, pooling) }

func pooling(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	for i := range 300 {
		s := randomPool(r)
		if i%4 == 0 {
			s.W += 40 + r.IntN(40)
			s.Ow = OutputSize(s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr, false)
		}
		x, n := random(1, s.C*s.H*s.W), s.C*s.plane()
		y, dy := make([]float32, n), random(2, n)
		for _, includePad := range []bool{false, true} {
			AveragePool(y, x, s, includePad)
			naivePool(s, func(c, o int, pixels []int, padded int) {
				var sum float64
				for _, p := range pixels {
					sum += float64(x[c*s.H*s.W+p])
				}
				d := len(pixels)
				if includePad {
					d = padded
				}
				if want := sum / float64(max(1, d)); math.Abs(float64(y[c*s.plane()+o])-want) > 1e-6 {
					t.Fatalf("%+v: average %d = %g, want %g", *s, o, y[c*s.plane()+o], want)
				}
			})
			dx := make([]float32, len(x))
			AveragePoolGrad(dx, dy, s, includePad)
			if a, b := Dot(y, dy), Dot(x, dx); math.Abs(a-b) > 1e-4 {
				t.Fatalf("%+v: <pool x, g> = %g, <x, grad g> = %g", *s, a, b)
			}
		}
		checkMaxPool(t, s, x, y, dy)
	}
}

func checkMaxPool(t *testing.T, s *ConvShape, x, y, dy []float32) {
	at, dx := make([]int32, len(y)), make([]float32, len(x))
	want := make([]float32, len(x))
	MaxPool(y, at, x, s)
	naivePool(s, func(c, o int, pixels []int, _ int) {
		top, where := float32(math.Inf(-1)), -1
		for _, p := range pixels {
			if v := x[c*s.H*s.W+p]; v > top {
				top, where = v, p
			}
		}
		if i := c*s.plane() + o; y[i] != top || at[i] != int32(where) {
			t.Fatalf("%+v: max %d = %g at %d, want %g at %d", *s, o, y[i], at[i], top, where)
		} else if where >= 0 {
			want[c*s.H*s.W+where] += dy[i]
		}
	})
	MaxPoolGrad(dx, dy, at, s)
	sameBits(t, "MaxPoolGrad", dx, want)
}

func TestMaxPoolKeepsNaN(t *testing.T) {
	s := &ConvShape{C: 1, H: 1, W: 4, Oc: 1, Kh: 1, Kw: 4, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Groups: 1, Oh: 1, Ow: 1}
	y, at := []float32{0}, []int32{0}
	MaxPool(y, at, []float32{1, float32(math.NaN()), 5, 2}, s)
	if y[0] == y[0] || at[0] != 1 {
		t.Errorf("got %g at %d", y[0], at[0])
	}
	MaxPool(y, nil, []float32{1, float32(math.NaN()), 5, 2}, s)
	if y[0] == y[0] {
		t.Errorf("without positions got %g", y[0])
	}
	wide := &ConvShape{C: 1, H: 2, W: 40, Oc: 1, Kh: 2, Kw: 2, Sh: 1, Sw: 2, Dh: 1, Dw: 1, Groups: 1, Oh: 1, Ow: 20}
	onEveryCPU(t, func(t *testing.T) {
		x, y, at := make([]float32, 80), make([]float32, 20), make([]int32, 20)
		for i := range x {
			x[i] = float32(math.Inf(-1))
		}
		x[45] = float32(math.NaN())
		MaxPool(y, at, x, wide)
		for i := range y {
			if bad := y[i] != y[i]; bad != (i == 2) || bad && at[i] != 45 || !bad && at[i] != int32(2*i) {
				t.Fatalf("window %d: %g at %d", i, y[i], at[i])
			}
		}
	})
}

func TestOutputSizeOfCeil(t *testing.T) {
	// A window that would start in the padding after the input does not count, as in PyTorch's pooling.
	for _, c := range []struct{ in, k, s, pad, floor, ceil int }{{5, 2, 2, 0, 2, 3}, {6, 2, 2, 0, 3, 3}, {4, 1, 3, 1, 2, 2}, {7, 3, 2, 1, 4, 4}, {112, 3, 2, 1, 56, 57}, {1, 4, 1, 0, 0, 0}} {
		f := OutputSize(c.in, c.k, c.s, 1, c.pad, c.pad, false)
		g := OutputSize(c.in, c.k, c.s, 1, c.pad, c.pad, true)
		if f != c.floor || g != c.ceil {
			t.Errorf("%+v: floor %d, ceil %d", c, f, g)
		}
	}
}
