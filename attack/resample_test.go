package attack

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestResampleWeights checks the kernel against values worked out by hand for PyTorch's bicubic: halving
// samples between pixels 2o and 2o+1 (weights −3/32, 19/32, 19/32, −3/32), and equal sizes copy.
func TestResampleWeights(t *testing.T) {
	taps := resampleTaps(nil, 8, 4, cubicKernel)
	want := [4]float32{-3. / 32, 19. / 32, 19. / 32, -3. / 32}
	if taps[1].weight != want || taps[1].at != [4]int{1, 2, 3, 4} || taps[0].at != [4]int{0, 0, 1, 2} || taps[3].at != [4]int{5, 6, 7, 7} {
		t.Errorf("halving: %v", taps)
	}
	for i, p := range resampleTaps(nil, 5, 5, cubicKernel) {
		if p.weight != [4]float32{0, 1, 0, 0} || p.at[1] != i {
			t.Errorf("equal size: sample %d reads %v", i, p)
		}
	}
	// Upsampling 2→3: sample 0 lies at −1/6, so t = 5/6 past pixel −1.
	p := resampleTaps(nil, 2, 3, cubicKernel)[0]
	d := 1 + 5./6
	if w := -0.75 * (d*d*d - 5*d*d + 8*d - 4); math.Abs(float64(p.weight[0])-w) > 1e-7 {
		t.Errorf("weight %v, want %v", p.weight[0], w)
	}
	for n := 1; n < 20; n++ {
		for on := 1; on < 20; on++ {
			for _, p := range resampleTaps(nil, n, on, cubicKernel) {
				sum := p.weight[0] + p.weight[1] + p.weight[2] + p.weight[3]
				if math.Abs(float64(sum)-1) > 1e-6 {
					t.Fatalf("%d→%d: weights sum to %v", n, on, sum)
				}
			}
		}
	}
}

// TestTransformAdjoints checks ⟨T x, y⟩ = ⟨x, Tᵀ y⟩ for every linear transform, at odd sizes.
func TestTransformAdjoints(t *testing.T) {
	for _, tr := range []Transform{
		Identity{}, Rescale{0.5, 1}, Rescale{1, 2}, Diverse{1.1, 1}, Diverse{1.5, 0.5}, Scales{}, Crop{0.3, 0.9},
		Blocks{3, 24}, Blocks{2, 0}, Chain{Crop{0.5, 0.9}, Rescale{0.5, 1}},
	} {
		for _, size := range [][2]int{{9, 7}, {4, 12}, {1, 1}, {16, 16}} {
			for seed := range uint64(5) {
				checkAdjoint(t, tr, size[0], size[1], seed)
			}
		}
	}
}

func checkAdjoint(t *testing.T, tr Transform, h, w int, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	warp := tr.New(h, w, nil)
	oh, ow := warp.Draw(rng, 0)
	x, y := make([]float32, 3*h*w), make([]float32, 3*oh*ow)
	for i := range x {
		x[i] = rng.Float32()
	}
	for i := range y {
		y[i] = float32(rng.NormFloat64())
	}
	tx, ty := make([]float32, 3*oh*ow), make([]float32, 3*h*w)
	warp.Forward(tx, x)
	warp.Adjoint(ty, y)
	var a, b, size float64
	for i := range y {
		a += float64(tx[i]) * float64(y[i])
		size += math.Abs(float64(tx[i]) * float64(y[i]))
	}
	for i := range x {
		b += float64(x[i]) * float64(ty[i])
	}
	if math.Abs(a-b) > 1e-5*size {
		t.Errorf("%s at %d×%d: ⟨Tx,y⟩ = %v, ⟨x,Tᵀy⟩ = %v", tr, h, w, a, b)
	}
}

// TestCosineTransform compares the transform with its defining sum, and the pair with the identity.
func TestCosineTransform(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	for _, n := range []int{1, 2, 3, 5, 11, 64, cosineMatrix, cosineMatrix + 1} {
		const m = 3
		x, y, z, back := make([]float32, m*n), make([]float32, m*n), make([]float32, m*n), make([]float32, m*n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		tr := newCosine(n)
		tr.rows(y, x, m, false)
		for r := range m {
			for k := 0; k < n; k += 1 + n/20 {
				want := 0.0
				for i, v := range x[r*n:][:n] {
					want += float64(v) * cosineBasis(n, k, i)
				}
				if math.Abs(float64(y[r*n+k])-want) > 2e-5 {
					t.Errorf("n = %d: coefficient %d is %v, want %v", n, k, y[r*n+k], want)
				}
			}
		}
		tr.rows(back, y, m, true)
		closeTo(t, n, "back along rows", back, x)
		transpose := func(dst, src []float32, rows, cols int) {
			for r := range rows {
				for c := range cols {
					dst[c*rows+r] = src[r*cols+c]
				}
			}
		}
		transpose(z, x, m, n)
		tr.columns(back, z, m, false)
		transpose(z, y, m, n)
		closeTo(t, n, "along columns", back, z)
		tr.columns(z, back, m, true)
		transpose(back, x, m, n)
		closeTo(t, n, "back along columns", z, back)
	}
}

func closeTo(t *testing.T, n int, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 2e-5 {
			t.Errorf("n = %d, %s: value %d is %v, want %v", n, what, i, got[i], want[i])
			return
		}
	}
}

// TestSpectrumAdjoint checks the adjoint of the filter without the noise, which is no linear part.
func TestSpectrumAdjoint(t *testing.T) {
	for _, size := range [][2]int{{9, 7}, {4, 12}, {1, 1}} {
		checkAdjoint(t, Spectrum{0, 0.5}, size[0], size[1], 1)
	}
}

// TestTranslate checks that smoothing keeps the sum of an inner pixel and is symmetric.
func TestTranslate(t *testing.T) {
	const h, w = 21, 19
	warp := Translate{5}.New(h, w, nil)
	g, out := make([]float32, 3*h*w), make([]float32, 3*h*w)
	g[(h+10)*w+9] = 1
	warp.Adjoint(out, g)
	sum := 0.0
	for i, v := range out {
		sum += float64(v)
		if i/(h*w) != 1 && v != 0 {
			t.Fatal("smoothing mixes channels")
		}
	}
	if math.Abs(sum-1) > 1e-6 || out[(h+8)*w+8] != out[(h+12)*w+10] || out[(h+10)*w+9] <= out[(h+10)*w+10] {
		t.Errorf("smoothed sum %v", sum)
	}
}
