package kernel

import "testing"

// TestRotateAgainstTheDefinition writes the sum out element by element in float64.
func TestRotateAgainstTheDefinition(t *testing.T) {
	for _, d := range []int{2, 4, 6, 32, 88} {
		for _, half := range []bool{false, true} {
			x, c, s, y := random(1, d), random(2, d), random(3, d), make([]float32, d)
			want := make([]float64, d)
			for i := range want {
				j := i ^ 1
				if half {
					j = (i + d/2) % d
				}
				want[i] = float64(x[i])*float64(c[i]) + float64(x[j])*float64(s[i])
			}
			Rotate(y, x, c, s, half)
			near(t, "Rotate", y, want, 1e-6, 1e-6)
		}
	}
}
