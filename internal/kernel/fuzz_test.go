package kernel

import (
	"math"
	"testing"
)

// dims turns bytes into a shape of at most five axes, each at most limit long.
func dims(b []byte, limit int) []int {
	shape := []int{}
	for _, v := range b[:min(len(b), 5)] {
		shape = append(shape, int(v)%(limit+1))
	}
	return shape
}

func FuzzBroadcast(f *testing.F) {
	f.Add([]byte{3, 4}, []byte{1, 4}, uint8(0))
	f.Add([]byte{2, 1, 5}, []byte{3, 1}, uint8(4))
	f.Add([]byte{}, []byte{0, 3}, uint8(9))
	f.Fuzz(func(t *testing.T, xb, yb []byte, op uint8) {
		x, y := dims(xb, 6), dims(yb, 6)
		z := make([]int, max(len(x), len(y)))
		for i := range z {
			z[i] = 1
			for _, s := range [][]int{x, y} {
				if k := i - len(z) + len(s); k >= 0 && s[k] != 1 {
					z[i] = s[k]
				}
			}
		}
		p, err := NewBroadcast(z, x, y)
		if err != nil {
			return
		}
		b := Binary(op) % binaryCount
		a, c := random(1, count(x)), random(2, count(y))
		got, want := make([]float32, count(z)), make([]float64, count(z))
		xs, _ := stretch(z, x)
		ys, _ := stretch(z, y)
		index := make([]int, len(z))
		for i := range want {
			want[i] = binaryTable[b].value(float64(a[at(index, xs)]), float64(c[at(index, ys)]))
			next(index, z)
		}
		p.Apply(b, got, a, c)
		near(t, b.String(), got, want, 0, 1e-7)
	})
}

func FuzzReduction(f *testing.F) {
	f.Add([]byte{3, 4, 5}, uint8(5))
	f.Add([]byte{0, 2}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, mask uint8) {
		shape := dims(b, 7)
		var axes []int
		for a := range shape {
			if mask>>a&1 == 1 {
				axes = append(axes, a)
			}
		}
		checkReduction(t, shape, axes, random(uint64(mask), count(shape)))
	})
}

func FuzzTranspose(f *testing.F) {
	f.Add([]byte{2, 3, 4}, uint16(5))
	f.Fuzz(func(t *testing.T, b []byte, order uint16) {
		shape := dims(b, 9)
		perm, left := make([]int, 0, len(shape)), make([]int, len(shape))
		for i := range left {
			left[i] = i
		}
		for n := len(left); n > 0; n-- {
			k := int(order) % n
			order /= uint16(n)
			perm, left = append(perm, left[k]), without(left, k)
		}
		checkTranspose(t, shape, perm)
	})
}

// FuzzConvShape holds Validate to its promise: what passes, runs.
func FuzzConvShape(f *testing.F) {
	f.Add([]byte{2, 5, 5, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte{4, 9, 7, 4, 3, 1, 2, 2, 1, 2, 0, 1, 0, 1, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 15 {
			return
		}
		v := make([]int, 15)
		for i := range v {
			v[i] = int(int8(b[i])) % 12
		}
		s := &ConvShape{C: v[0], H: v[1], W: v[2], Oc: v[3], Kh: v[4], Kw: v[5], Sh: v[6], Sw: v[7], Dh: v[8], Dw: v[9], Pt: v[10], Pl: v[11], Pb: v[12], Pr: v[13], Groups: v[14]}
		if s.Sh > 0 && s.Sw > 0 {
			s.Oh = OutputSize(s.H, s.Kh, s.Sh, s.Dh, s.Pt, s.Pb, b[0]%2 == 0)
			s.Ow = OutputSize(s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr, b[0]%2 == 0)
		}
		if s.Validate() == nil {
			checkConv(t, s)
		}
	})
}

func TestLayerNormFarFromZero(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		const n = 768
		x, y, want := random(1, n), make([]float32, n), make([]float64, n)
		for i := range x {
			x[i] = 1000 + x[i]/10
		}
		LayerNorm(y, x, nil, nil, nil, nil, 1, n, 1e-6)
		layerNormReference(want, wide(x), nil, nil, nil, nil, 1, n, float64(float32(1e-6)))
		near(t, "LayerNorm of 1000 ± 0.1", y, want, 2e-6, 2e-6)
		for i := range x {
			x[i] = 3e4
		}
		LayerNorm(y, x, nil, nil, nil, nil, 1, n, 1e-6)
		for _, v := range y {
			if math.Abs(float64(v)) > 1e-3 {
				t.Fatalf("a constant row gives %g", v)
			}
		}
	})
}
