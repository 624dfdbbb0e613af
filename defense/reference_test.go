package defense_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
)

// The references below are written out from the formulas, sample by sample and in float64.

func clampIndex(i, n int) int { return min(max(i, 0), n-1) }

func sampleAt(p defense.Picture, c, y, x int) float64 {
	return float64(p.Pix[(c*p.H+clampIndex(y, p.H))*p.W+clampIndex(x, p.W)])
}

// compare runs a purifier and a per-sample reference on two pictures.
func compare(t *testing.T, p defense.Purifier, tol float64, ref func(src defense.Picture, c, y, x int) float64) {
	t.Helper()
	for _, src := range []defense.Picture{picture(t, 17, 22, 1), picture(t, 5, 9, 2)} {
		got := purified(t, p, src)
		for i, v := range got.Pix {
			c, y, x := i/(src.H*src.W), i/src.W%src.H, i%src.W
			if want := ref(src, c, y, x); !(math.Abs(float64(v)-want) <= tol) {
				t.Fatalf("%s %d×%d: channel %d at (%d,%d) is %g, want %g", p, src.H, src.W, c, y, x, v, want)
			}
		}
	}
}

func TestGaussianReference(t *testing.T) {
	for _, sigma := range []float64{0.5, 1, 2.3} {
		compare(t, defense.Gaussian{Sigma: sigma}, 1e-6, func(src defense.Picture, c, y, x int) float64 {
			r := int(4*sigma + 0.5)
			sum, total := 0.0, 0.0
			for dy := -r; dy <= r; dy++ {
				for dx := -r; dx <= r; dx++ {
					w := math.Exp(-float64(dx*dx+dy*dy) / (2 * sigma * sigma))
					sum += w * sampleAt(src, c, y+dy, x+dx)
					total += w
				}
			}
			return sum / total
		})
	}
}

func TestMedianReference(t *testing.T) {
	for _, k := range []int{2, 3, 5} {
		compare(t, defense.Median{K: k}, 0, func(src defense.Picture, c, y, x int) float64 {
			var v []float64
			for dy := range k {
				for dx := range k {
					v = append(v, sampleAt(src, c, y-k/2+dy, x-k/2+dx))
				}
			}
			slices.Sort(v)
			return v[(k*k-1)/2]
		})
	}
}

func TestBilateralReference(t *testing.T) {
	b := defense.Bilateral{K: 5, Space: 1.7, Range: 0.2}
	compare(t, b, 1e-6, func(src defense.Picture, c, y, x int) float64 {
		sum, total := 0.0, 0.0
		for v := range src.H {
			for u := range src.W {
				if max(v-y, y-v) > 2 || max(u-x, x-u) > 2 {
					continue
				}
				colour := 0.0
				for k := range 3 {
					colour += math.Pow(sampleAt(src, k, y, x)-sampleAt(src, k, v, u), 2)
				}
				dist := float64((v-y)*(v-y) + (u-x)*(u-x))
				w := math.Exp(-dist/(2*1.7*1.7) - colour/(2*0.2*0.2))
				sum += w * sampleAt(src, c, v, u)
				total += w
			}
		}
		return sum / total
	})
}

func TestNLMReference(t *testing.T) {
	f := defense.NLM{Search: 5, Patch: 3, H: 0.15}
	compare(t, f, 1e-6, func(src defense.Picture, c, y, x int) float64 {
		sum, total := 0.0, 0.0
		for dy := -2; dy <= 2; dy++ {
			for dx := -2; dx <= 2; dx++ {
				if y+dy < 0 || y+dy >= src.H || x+dx < 0 || x+dx >= src.W {
					continue
				}
				d := 0.0
				for py := -1; py <= 1; py++ {
					for px := -1; px <= 1; px++ {
						for k := range 3 {
							ay, ax := clampIndex(y+py, src.H), clampIndex(x+px, src.W)
							d += math.Pow(sampleAt(src, k, ay, ax)-sampleAt(src, k, ay+dy, ax+dx), 2) / 27
						}
					}
				}
				w := math.Exp(-d / (0.15 * 0.15))
				sum += w * sampleAt(src, c, y+dy, x+dx)
				total += w
			}
		}
		return sum / total
	})
}

// A step of columns a | b, of widths m and n, is moved together by λ/m and λ/n: the closed form of TV denoising.
func TestTVClosedForm(t *testing.T) {
	const h, m, n, a, b, lambda = 6, 5, 8, 0.2, 0.9, 0.3
	src := defense.NewPicture(h, m+n)
	for i := range src.Pix {
		src.Pix[i] = a
		if i%(m+n) >= m {
			src.Pix[i] = b
		}
	}
	got := purified(t, defense.TV{Lambda: lambda, Steps: 1000}, src)
	for i, v := range got.Pix {
		want := a + lambda/m
		if i%(m+n) >= m {
			want = b - lambda/n
		}
		if !(math.Abs(float64(v)-want) <= 1e-3) {
			t.Fatalf("sample %d is %g, want %g", i, v, want)
		}
	}
}

// The iterates approach the minimum of TV(u) + ‖u−g‖²/(2λ): no change of a single sample lowers the objective noticeably.
func TestTVIsAMinimum(t *testing.T) {
	const lambda = 0.1
	src := picture(t, 9, 8, 3)
	plane := src.H * src.W
	objective := func(u []float64) float64 {
		v := 0.0
		for y := range src.H {
			for x := range src.W {
				i := y*src.W + x
				gx, gy := 0.0, 0.0
				if x+1 < src.W {
					gx = u[i+1] - u[i]
				}
				if y+1 < src.H {
					gy = u[i+src.W] - u[i]
				}
				d := u[i] - float64(src.Pix[i])
				v += math.Hypot(gx, gy) + d*d/(2*lambda)
			}
		}
		return v
	}
	out := purified(t, defense.TV{Lambda: lambda, Steps: 1000}, src)
	u, g := make([]float64, plane), make([]float64, plane)
	for i := range u {
		u[i], g[i] = float64(out.Pix[i]), float64(src.Pix[i])
	}
	best := objective(u)
	if best > 0.8*objective(g) {
		t.Fatalf("objective %g at the result, %g at the input", best, objective(g))
	}
	rng := rand.New(rand.NewPCG(3, 1))
	for range 20000 {
		i, step := rng.IntN(plane), math.Pow(10, -1-4*rng.Float64())*(2*rng.Float64()-1)
		old := u[i]
		u[i] += step
		if v := objective(u); v < best-1e-3 {
			t.Fatalf("moving sample %d by %g lowers the objective from %g to %g", i, step, best, v)
		}
		u[i] = old
	}
}

// The purifier is what anyone gets who writes the picture with image/jpeg and reads it back.
func TestJPEGReference(t *testing.T) {
	src := picture(t, 21, 34, 5)
	img := image.NewNRGBA(image.Rect(0, 0, src.W, src.H))
	for y := range src.H {
		for x := range src.W {
			var v [3]uint8
			for c := range 3 {
				v[c] = uint8(math.Round(sampleAt(src, c, y, x) * 255))
			}
			img.SetNRGBA(x, y, color.NRGBA{v[0], v[1], v[2], 255})
		}
	}
	for _, q := range []int{10, 50, 75, 100} {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: q}); err != nil {
			t.Fatal(err)
		}
		decoded, err := jpeg.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		got := purified(t, defense.JPEG{Quality: q}, src)
		for i, v := range got.Pix {
			c, y, x := i/(src.H*src.W), i/src.W%src.H, i%src.W
			r, g, b, _ := decoded.At(x, y).RGBA()
			want := float64([]uint32{r, g, b}[c]>>8) / 255
			if math.Abs(float64(v)-want) > 1.01/255 {
				t.Fatalf("quality %d: channel %d at (%d,%d) is %g, decoder says %g", q, c, y, x, v, want)
			}
		}
	}
}

func TestBitDepthClosedForm(t *testing.T) {
	src := defense.NewPicture(1, 4)
	copy(src.Pix, []float32{0, 0.49, 0.51, 1, 0.2, 0.34, 0.6, 0.9, 0.1, 0.3, 0.7, 0.8})
	for bits, want := range map[int][]float32{
		1: {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
		2: {0, 1.0 / 3, 2.0 / 3, 1, 1.0 / 3, 1.0 / 3, 2.0 / 3, 1, 0, 1.0 / 3, 2.0 / 3, 2.0 / 3},
	} {
		if got := purified(t, defense.BitDepth{Bits: bits}, src); !slices.Equal(got.Pix, want) {
			t.Errorf("%d bits: %v, want %v", bits, got.Pix, want)
		}
	}
}

// A picture made of the learned components alone passes unchanged, and projecting twice changes no more.
func TestPCAPatchKeepsItsSpace(t *testing.T) {
	p, err := defense.NewPCAPatch(resources().Clean, 47, 4)
	if err != nil {
		t.Fatal(err)
	}
	src := picture(t, 16, 16, 60)
	got := purified(t, p, src)
	drop, change := 0.0, 0.0
	for i := range src.Pix {
		change += math.Abs(float64(got.Pix[i] - src.Pix[i]))
	}
	few, err := defense.NewPCAPatch(resources().Clean, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	low := purified(t, few, src)
	for i := range src.Pix {
		drop += math.Abs(float64(low.Pix[i] - src.Pix[i]))
	}
	if !(change < drop/3) {
		t.Errorf("47 of 48 components change the picture by %g, 3 by %g", change, drop)
	}
}
