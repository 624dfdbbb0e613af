package metric

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

func noisy(w, h int, seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = uint8(8 + rng.IntN(240))
	}
	return p
}

// PSNR of ±ε at every pixel is 20·log10(255/ε): 48.13, 42.11, 36.09, 30.07 dB for 1, 2, 4, 8.
func TestDistanceOfConstantShift(t *testing.T) {
	a := noisy(20, 15, 1)
	for eps, psnr := range map[int]float64{1: 48.13, 2: 42.11, 4: 36.09, 8: 30.07} {
		b := image.NewNRGBA(a.Rect)
		for i, v := range a.Pix {
			b.Pix[i] = uint8(int(v) + eps*(1-2*(i%2)))
		}
		d, err := Compare(a, b)
		if err != nil || math.Abs(d.PSNR-psnr) > 0.005 || d.Linf != eps || d.L0 != 300 {
			t.Errorf("ε = %d: %+v, %v", eps, d, err)
		}
		if want := float64(eps) / 255 * math.Sqrt(900); math.Abs(d.L2-want) > 1e-12 {
			t.Errorf("ε = %d: L2 %v, want %v", eps, d.L2, want)
		}
	}
}

func TestDistanceOfOnePixel(t *testing.T) {
	a := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	b := image.NewNRGBA(a.Rect)
	b.Pix[4*5+1], b.Pix[4*5+2], b.Pix[4*9+3] = 3, 4, 77 // the last is alpha
	d, err := Compare(a, b)
	if err != nil || d.L0 != 1 || d.Linf != 4 || math.Abs(d.L2-5.0/255) > 1e-15 || !math.IsNaN(d.SSIM) {
		t.Errorf("%+v, %v", d, err)
	}
	same, _ := Compare(a, a)
	if !math.IsInf(same.PSNR, 1) || same.L0 != 0 {
		t.Errorf("%+v", same)
	}
	if _, err := Compare(a, noisy(5, 4, 1)); err == nil {
		t.Error("images of different sizes were compared")
	}
}

// Constant images have no variance: SSIM is (2xy + C1)/(x² + y² + C1).
func TestSSIMOfConstantImages(t *testing.T) {
	flat := func(v uint8) *image.NRGBA {
		p := image.NewNRGBA(image.Rect(0, 0, 16, 12))
		for i := range p.Pix {
			p.Pix[i] = v
		}
		return p
	}
	d, err := Compare(flat(100), flat(150))
	if want := (2*100*150 + 6.5025) / (100*100 + 150*150 + 6.5025); err != nil || math.Abs(d.SSIM-want) > 1e-9 {
		t.Errorf("%v, want %v", d.SSIM, want)
	}
	if s, _ := Compare(noisy(16, 12, 2), noisy(16, 12, 2)); math.Abs(s.SSIM-1) > 1e-12 {
		t.Errorf("an image against itself: %v", s.SSIM)
	}
}

// The separable windows equal the definition with a 2-D window and weighted central moments.
func TestSSIMAgainstDefinition(t *testing.T) {
	a, b := noisy(14, 13, 3), noisy(14, 13, 4)
	var window [11][11]float64
	var norm float64
	for i := range 11 {
		for j := range 11 {
			window[i][j] = math.Exp(-float64((i-5)*(i-5)+(j-5)*(j-5)) / 4.5)
			norm += window[i][j]
		}
	}
	var sum float64
	n := 0
	for c := range 3 {
		for y := range 3 {
			for x := range 4 {
				var mx, my, vx, vy, cov float64
				at := func(p *image.NRGBA, i, j int) float64 { return float64(p.Pix[(y+i)*p.Stride+4*(x+j)+c]) }
				for pass := range 2 {
					for i := range 11 {
						for j := range 11 {
							w, p, q := window[i][j]/norm, at(a, i, j), at(b, i, j)
							if pass == 0 {
								mx, my = mx+w*p, my+w*q
							} else {
								vx, vy, cov = vx+w*(p-mx)*(p-mx), vy+w*(q-my)*(q-my), cov+w*(p-mx)*(q-my)
							}
						}
					}
				}
				sum += (2*mx*my + 6.5025) * (2*cov + 58.5225) / ((mx*mx + my*my + 6.5025) * (vx + vy + 58.5225))
				n++
			}
		}
	}
	if d, _ := Compare(a, b); math.Abs(d.SSIM-sum/float64(n)) > 1e-10 {
		t.Errorf("%v, by definition %v", d.SSIM, sum/float64(n))
	}
}

func TestTokenDriftByHand(t *testing.T) {
	clean := []float32{1, 0, 3, 0, 0, 2}
	adversarial := []float32{0, 1, 3, 0, 0, -2}
	d, err := TokenDrift(clean, adversarial, 2, 1)
	if err != nil || d.Prefix[0] != 1 || d.Patches[0] != 0 || d.Patches[1] != 2 || d.Cosine != 1 || d.L2 != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if f := FeatureDistance([]Drift{d, {Cosine: 0}}); f != 1 {
		t.Errorf("feature distance %v", f)
	}
	d, err = TokenDrift(clean, []float32{0, 1, float32(math.NaN()), 0, 0, 2}, 2, 1)
	if err != nil || !math.IsNaN(d.Cosine) || !math.IsNaN(d.Patches[0]) || d.Patches[1] != 0 {
		t.Errorf("a NaN token gave %+v, %v", d, err)
	}
	for _, bad := range [][3]int{{6, 4, 0}, {6, 2, 3}, {4, 2, 1}, {6, 0, 0}} {
		if _, err := TokenDrift(clean[:bad[0]], adversarial, bad[1], bad[2]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}
