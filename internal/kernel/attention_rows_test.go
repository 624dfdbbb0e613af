package kernel

import (
	"math"
	"testing"
)

// attnSoftmaxRow runs the softmax of one row of n numbers in whole units.
func attnSoftmaxRow(x []float32, n int, mask []float32, scale float32) (lse, f float32) {
	var out [4][panelCols]float32
	attnSoftmaxRows(x, len(x), 1, n, mask, n, scale, out[0][:], out[1][:], out[2][:], out[3][:])
	return out[0][0], out[1][0]
}

// TestAttentionRows holds the row kernels against the same in float64, for every length.
func TestAttentionRows(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		for n := 1; n <= 210; n++ {
			units := (n + 15) &^ 15
			for mode := range 3 {
				x, dp, mask := gemmRandom(1, units), gemmRandom(2, units), gemmRandom(3, units)
				scale := []float32{0.3, 4, -2}[mode]
				var padded []float32
				want := make([]float64, n)
				for i := range want {
					want[i] = float64(x[i]) * float64(scale)
				}
				if mode == 1 {
					padded = mask[:n:n]
					mask[n/2] = float32(math.Inf(-1))
					for i := range want {
						want[i] += float64(mask[i])
					}
				}
				if n == 1 && mode == 1 {
					continue
				}
				lse := attnReferenceSoftmax(want)
				p := append([]float32(nil), x...)
				gotLSE, f := attnSoftmaxRow(p, n, padded, scale)
				if math.Abs(float64(gotLSE)-lse) > 1e-6*math.Max(1, math.Abs(lse)) {
					t.Fatalf("n=%d mode %d: log-sum-exp %g, want %g", n, mode, gotLSE, lse)
				}
				const delta = 0.25
				attnGrad(x, dp, units, 1, n, padded, n, scale, []float32{gotLSE}, []float32{delta})
				random := gemmRandom(2, units)
				for i, w := range want {
					if g := float64(p[i] * f); math.Abs(g-w) > 2e-6*w+1e-30 {
						t.Fatalf("n=%d mode %d: probability %d is %g, want %g", n, mode, i, g, w)
					}
					ds := float64(scale) * w * (float64(random[i]) - delta)
					if math.Abs(float64(x[i])-w) > 4e-6*w+1e-30 || math.Abs(float64(dp[i])-ds) > 1e-5*math.Abs(ds)+1e-7 {
						t.Fatalf("n=%d mode %d: element %d: probability %g, gradient %g, want %g and %g", n, mode, i, x[i], dp[i], w, ds)
					}
				}
			}
		}
	})
}

// TestAttentionExp measures the exponential of the row kernels against math.Exp.
func TestAttentionExp(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		x, worst := make([]float32, 4096), 0.0
		for round := range 40 {
			x[0] = 0
			for i := 1; i < len(x); i++ {
				x[i] = -87.29 * float32(i*41+round) / float32(len(x)*41)
			}
			in := append([]float32(nil), x...)
			attnSoftmaxRow(x, len(x), nil, 1)
			for i, v := range in {
				exact := math.Exp(float64(v))
				worst = math.Max(worst, math.Abs(float64(x[i])-exact)/(exact*0x1p-23))
			}
		}
		if worst > 1.5 {
			t.Errorf("exp is off by %.3g ulp", worst)
		}
	})
}

// TestAttentionRowsSpecial: hidden rows, NaN and infinities.
func TestAttentionRowsSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cpuEach(t, func(t *testing.T) {
		for n := 1; n <= 50; n++ {
			for at := range n {
				x := make([]float32, (n+15)&^15)
				attnFill(x, -inf)
				if lse, f := attnSoftmaxRow(x, n, nil, 1); f != 1 || lse != -inf || x[at] != 0 {
					t.Fatalf("n=%d: a hidden row gave %g, %g, element %g", n, lse, f, x[at])
				}
				for _, v := range []float32{nan, inf} {
					for _, rest := range []float32{-inf, 1} {
						attnFill(x, rest)
						x[at] = v
						if lse, f := attnSoftmaxRow(x, n, nil, 1); f == f || v != v && lse == lse {
							t.Fatalf("n=%d: %g at %d among %g gave %g, %g", n, v, at, rest, lse, f)
						}
					}
				}
				attnFill(x, -200)
				x[at] = 3
				lse, f := attnSoftmaxRow(x, n, nil, 1)
				if lse != 3 || f != 1 || x[at] != 1 || x[(at+1)%n] != 0 && n > 1 {
					t.Fatalf("n=%d: one great element gave %g, %g", n, lse, f)
				}
			}
		}
	})
}

// TestAttentionPathsAgree: the paths with fused multiply-adds do the same operations in the same order.
func TestAttentionPathsAgree(t *testing.T) {
	for _, keep := range []bool{false, true} {
		attnPathsAgree(t, keep)
	}
}

func attnPathsAgree(t *testing.T, keep bool) {
	t.Helper()
	var first *attnCase
	for _, name := range CPUs() {
		if name == "generic" {
			continue
		}
		restore, err := UseCPU(name)
		if err != nil {
			t.Fatal(err)
		}
		s := AttnShape{Heads: 2, Tq: 61, Tk: 77, D: 24, Dv: 33, Scale: 0.4, Mask: gemmRandom(4, 61*77)}
		c := attnMake(s, 1, false)
		if keep {
			c.kept = make([]float32, attnKeptLen(&s))
		}
		c.run(0, 2)
		restore()
		if first == nil {
			first = c
		}
		for i, v := range [][2][]float32{{first.o.Data, c.o.Data}, {first.dq.Data, c.dq.Data}, {first.dk.Data, c.dk.Data}, {first.dv.Data, c.dv.Data}} {
			for j := range v[0] {
				if math.Float32bits(v[0][j]) != math.Float32bits(v[1][j]) {
					t.Fatalf("%s: result %d, element %d: %g, on the first path %g", name, i, j, v[1][j], v[0][j])
				}
			}
		}
	}
}
