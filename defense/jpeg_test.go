package defense

import (
	"math"
	"math/rand/v2"
	"testing"
)

func wavyPicture(h, w int) Picture {
	rng := rand.New(rand.NewPCG(uint64(h), uint64(w)))
	p := NewPicture(h, w)
	for i := range p.Pix {
		y, x := i/w%h, i%w
		p.Pix[i] = float32(0.5 + 0.2*math.Sin(float64(x)/3) + 0.15*math.Cos(float64(y)/4+float64(i/(h*w))) + 0.05*(rng.Float64()-0.5))
	}
	return p
}

// The model that the gradient comes from, with real rounding, is the standard library's JPEG up to its integer
// arithmetic.
func TestJPEGModelIsJPEG(t *testing.T) {
	for _, size := range [][2]int{{32, 48}, {21, 35}} {
		src := wavyPicture(size[0], size[1])
		for _, q := range []int{20, 50, 75, 95} {
			views, err := JPEG{Quality: q}.Purify(src, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := model{src.H, src.W, q, hardRound}.apply(src)
			mean, worst := 0.0, 0.0
			for i, v := range got.Pix {
				d := 255 * math.Abs(float64(v-views[0].Pix[i]))
				mean += d / float64(len(got.Pix))
				worst = max(worst, d)
			}
			if mean > 1.5 || worst > 16 { // three roundings of Y, Cb, Cr there, none here; a coefficient between two steps may fall either way
				t.Errorf("quality %d, %v: model differs by %.2f levels on average, %.1f at most", q, size, mean, worst)
			}
		}
	}
}

// pull is the gradient of the model with straight-through and with soft rounding.
func TestJPEGGradient(t *testing.T) {
	for _, size := range [][2]int{{16, 16}, {11, 19}} {
		src := wavyPicture(size[0], size[1])
		for _, name := range []string{"straight", "soft"} {
			j := JPEG{Quality: 60, Rounding: name}
			m := model{src.H, src.W, j.Quality, j.rounding()}
			rng := rand.New(rand.NewPCG(8, 8))
			dout := make([]float32, len(src.Pix))
			for i := range dout {
				dout[i] = float32(rng.NormFloat64())
			}
			grad := make([]float32, len(src.Pix))
			j.pull(src, grad, dout)
			scale := 0.0
			for _, g := range grad {
				scale += math.Abs(float64(g))
			}
			for range 5 {
				dir := make([]float32, len(src.Pix))
				want := 0.0
				for i := range dir {
					dir[i] = float32(2*rng.IntN(2) - 1)
					want += float64(grad[i]) * float64(dir[i])
				}
				const h = 1.0 / 4096
				got := (along(m, src, dir, h, dout) - along(m, src, dir, -h, dout)) / (2 * h)
				if !(math.Abs(got-want) <= 0.01*scale) {
					t.Errorf("%s %v: %g by differences, %g by the gradient (scale %g)", name, size, got, want, scale)
				}
			}
		}
	}
}

// along returns ⟨dout, model(src + step·dir)⟩.
func along(m model, src Picture, dir []float32, step float64, dout []float32) float64 {
	p := NewPicture(src.H, src.W)
	for i := range p.Pix {
		p.Pix[i] = src.Pix[i] + float32(step)*dir[i]
	}
	v := 0.0
	for i, o := range m.apply(p).Pix {
		v += float64(o) * float64(dout[i])
	}
	return v
}

func TestDCTIsOrthonormal(t *testing.T) {
	for a := range 8 {
		for b := range 8 {
			s := 0.0
			for n := range 8 {
				s += dct[a][n] * dct[b][n]
			}
			if want := map[bool]float64{true: 1}[a == b]; math.Abs(s-want) > 1e-12 {
				t.Errorf("rows %d and %d: %g", a, b, s)
			}
		}
	}
}
