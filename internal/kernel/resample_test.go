package kernel

import (
	"math"
	"testing"
)

// The middle of two neighbours, and the ends as they are: linear interpolation to 2n-1 points.
func doubling(n int) *Taps {
	t := &Taps{Per: 2}
	for j := range 2*n - 1 {
		t.Index = append(t.Index, int32(j/2), int32((j+1)/2))
		t.Weight = append(t.Weight, 0.5, 0.5)
	}
	return t
}

func TestResampleAxisKeepsStraightLines(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for _, inner := range []int{1, 3, 20} {
			const outer, n = 2, 6
			taps := doubling(n)
			x, y := make([]float32, outer*n*inner), random(1, outer*(2*n-1)*inner)
			for i := range x {
				x[i] = float32(i/inner%n) * float32(1+i%inner)
			}
			ResampleAxis(y, x, taps, outer, n, inner)
			for i, v := range y {
				if want := 0.5 * float32(i/inner%(2*n-1)) * float32(1+i%inner); v != want {
					t.Fatalf("inner %d: [%d] = %g, want %g", inner, i, v, want)
				}
			}
			x, dy, dx := random(2, len(x)), random(3, len(y)), make([]float32, len(x))
			ResampleAxis(y, x, taps, outer, n, inner)
			ResampleAxisGrad(dx, dy, taps, outer, n, inner)
			if a, b := Dot(y, dy), Dot(x, dx); math.Abs(a-b) > 1e-5 {
				t.Errorf("inner %d: <resample x, g> = %g, <x, grad g> = %g", inner, a, b)
			}
		}
	})
}
