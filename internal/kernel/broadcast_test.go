package kernel

import (
	"math"
	"testing"
)

var broadcastCases = []struct{ z, x, y []int }{
	{[]int{}, []int{}, []int{}},
	{[]int{7}, []int{7}, []int{}},
	{[]int{5, 7}, []int{5, 7}, []int{5, 7}},
	{[]int{5, 7}, []int{5, 7}, []int{7}},
	{[]int{5, 7}, []int{7}, []int{5, 7}},
	{[]int{5, 7}, []int{5, 1}, []int{5, 7}},
	{[]int{5, 7}, []int{5, 1}, []int{1, 7}},
	{[]int{1, 5, 7}, []int{1, 5, 7}, []int{1, 1, 1}},
	{[]int{3, 4, 5, 6}, []int{3, 1, 5, 1}, []int{4, 1, 6}},
	{[]int{2, 8, 6, 6}, []int{2, 8, 6, 6}, []int{8, 1, 1}},
	{[]int{0, 3}, []int{0, 3}, []int{3}},
	{[]int{3, 0}, []int{3, 1}, []int{1, 0}},
}

func TestBroadcastIsNumPys(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for _, c := range broadcastCases {
			p, err := NewBroadcast(c.z, c.x, c.y)
			if err != nil {
				t.Fatal(err)
			}
			x, y := random(1, count(c.x)), random(2, count(c.y))
			for b := Add; b < binaryCount; b++ {
				want := make([]float64, count(c.z))
				xs, _ := stretch(c.z, c.x)
				ys, _ := stretch(c.z, c.y)
				index := make([]int, len(c.z))
				for i := range want {
					want[i] = binaryTable[b].value(float64(x[at(index, xs)]), float64(y[at(index, ys)]))
					next(index, c.z)
				}
				z := make([]float32, len(want))
				p.Apply(b, z, x, y)
				near(t, b.String(), z, want, 0, 1e-7)
				parts := make([]float32, len(want))
				for lo := 0; lo < p.Len(); lo += 3 {
					p.ApplyRange(b, parts, x, y, lo, min(lo+3, p.Len()))
				}
				sameBits(t, b.String()+" in parts", parts, z)
			}
		}
	})
}

func TestBroadcastRefusesWhatDoesNotFit(t *testing.T) {
	for _, c := range []struct{ z, x, y []int }{
		{[]int{3}, []int{3}, []int{4}}, {[]int{3}, []int{1}, []int{1}}, {[]int{3, 3}, []int{3}, []int{3}},
		{[]int{3}, []int{3, 3}, []int{3}}, {[]int{-1}, []int{-1}, []int{1}}, {[]int{2, 3}, []int{2, 1}, []int{2, 1}},
	} {
		if _, err := NewBroadcast(c.z, c.x, c.y); err == nil {
			t.Errorf("NewBroadcast(%v, %v, %v) was accepted", c.z, c.x, c.y)
		}
	}
}

func TestBinarySpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 2.5, -3, inf, -inf, nan, 1e-42, math.MaxFloat32}
	var x, y []float32
	for _, a := range special {
		for _, b := range special {
			x, y = append(x, a), append(y, b)
		}
	}
	onEveryCPU(t, func(t *testing.T) {
		p, _ := NewBroadcast([]int{len(x)}, []int{len(x)}, []int{len(x)})
		for b := Add; b < binaryCount; b++ {
			z, want := make([]float32, len(x)), make([]float32, len(x))
			p.Apply(b, z, x, y)
			binaryReference(b, want, x, 1, y, 1)
			near(t, b.String(), z, wide(want), 0, 0)
		}
	})
}

func TestFloorModHasTheSignOfTheDivisor(t *testing.T) {
	for _, c := range [][3]float64{{5, 3, 2}, {-5, 3, 1}, {5, -3, -1}, {-5, -3, -2}, {6, -3, 0}} {
		if got := floorMod(c[0], c[1]); got != c[2] {
			t.Errorf("%g mod %g = %g, want %g", c[0], c[1], got, c[2])
		}
	}
}

func TestAxpyScaleDot(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for n := range 71 {
			x, y := random(1, n), random(2, n)
			want := wide(y)
			for i := range want {
				want[i] += 0.3 * float64(x[i])
			}
			if d := math.Abs(Dot(x, y) - dotReference(x, y)); d > 1e-13*float64(n) {
				t.Fatalf("Dot of %d differs by %g", n, d)
			}
			Axpy(y, 0.3, x)
			near(t, "Axpy", y, want, 1e-6, 1e-6)
			Scale(y, -2, x)
			for i := range want {
				want[i] = -2 * float64(x[i])
			}
			near(t, "Scale", y, want, 0, 0)
		}
	})
}
