package kernel

import (
	"math"
	"testing"
)

func TestSoftmaxAgainstTheReference(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for _, n := range lengths {
			const rows = 3
			x, dy := random(uint64(n), rows*n), random(uint64(n)+1, rows*n)
			for i := range x {
				x[i] *= 5
			}
			want, wantGrad := make([]float64, rows*n), make([]float64, rows*n)
			softmaxReference(want, wide(x), rows, n)
			y := make([]float32, rows*n)
			Softmax(y, x, rows, n)
			near(t, "Softmax", y, want, 1e-7, 5e-7)
			softmaxGradReference(wantGrad, wide(dy), wide(y), rows, n)
			SoftmaxGrad(dy, dy, y, rows, n)
			near(t, "SoftmaxGrad", dy, wantGrad, 3e-7, 1e-6)
			logSoftmaxReference(want, wide(x), rows, n)
			logs, dx := append([]float32(nil), x...), random(uint64(n)+2, rows*n)
			LogSoftmax(logs, logs, rows, n)
			near(t, "LogSoftmax", logs, want, 1e-6, 3e-7)
			logSoftmaxGradReference(wantGrad, wide(dx), wide(logs), rows, n)
			LogSoftmaxGrad(dx, dx, logs, rows, n)
			near(t, "LogSoftmaxGrad", dx, wantGrad, 2e-6*math.Sqrt(float64(n)), 1e-6)
			Softmax(x, x, rows, n)
			sameBits(t, "Softmax in place", x, y)
		}
	})
}

// lengths are every short one and those of real encoders.
var lengths = func() (n []int) {
	for i := range 71 {
		n = append(n, i)
	}
	return append(n, 197, 257, 577, 768, 1000, 1024, 1025, 3072)
}()

func TestSoftmaxMasks(t *testing.T) {
	inf := float32(math.Inf(1))
	onEveryCPU(t, func(t *testing.T) {
		for n := 1; n < 70; n++ {
			x, y := make([]float32, 3*n), make([]float32, 3*n)
			for i := range n {
				x[i], x[n+i], x[2*n+i] = -inf, -inf, float32(i)
			}
			x[n] = -1e30
			x[3*n-1] = float32(math.NaN())
			Softmax(y, x, 3, n)
			for i := range n {
				if y[i] != 0 || y[n+i] != float32(indicator(i == 0)) || y[2*n+i] == y[2*n+i] {
					t.Fatalf("n = %d, column %d: masked row %g, one left %g, with NaN %g", n, i, y[i], y[n+i], y[2*n+i])
				}
			}
		}
		x := []float32{inf, 1}
		if Softmax(x, x, 1, 2); x[0] == x[0] {
			t.Errorf("a row with +Inf gives %g", x[0])
		}
		y := []float32{-inf, -inf}
		if LogSoftmax(y, y, 1, 2); y[0] != -inf {
			t.Errorf("log of a masked row is %g", y[0])
		}
	})
}

func TestSoftmaxGradients(t *testing.T) {
	const rows, n = 2, 7
	x, w := wide(random(1, rows*n)), wide(random(2, rows*n))
	y, dx := make([]float64, rows*n), make([]float64, rows*n)
	softmaxReference(y, x, rows, n)
	softmaxGradReference(dx, w, y, rows, n)
	checkGradient(t, "Softmax", x, dx, func() float64 { softmaxReference(y, x, rows, n); return weighted(w, y) })
	logSoftmaxReference(y, x, rows, n)
	logSoftmaxGradReference(dx, w, y, rows, n)
	checkGradient(t, "LogSoftmax", x, dx, func() float64 { logSoftmaxReference(y, x, rows, n); return weighted(w, y) })
	f, g := random(1, rows*n), random(2, rows*n)
	LogSoftmax(f, f, rows, n)
	logSoftmaxReference(y, x, rows, n)
	near(t, "LogSoftmax", f, y, 1e-6, 1e-6)
	LogSoftmaxGrad(g, g, f, rows, n)
	near(t, "LogSoftmaxGrad", g, dx, 1e-6, 1e-6)
}
