package metric

import (
	"image"
	"math"
)

// Constants of SSIM (Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
// structural similarity", IEEE TIP 13, 2004): an 11×11 Gaussian window of σ = 1.5 with unit sum, K1 =
// 0.01, K2 = 0.03, range 255.
const (
	ssimWindow = 11
	ssimSigma  = 1.5
	ssimC1     = (0.01 * 255) * (0.01 * 255)
	ssimC2     = (0.03 * 255) * (0.03 * 255)
)

// ssim is the mean over the positions where the window fits and over the three channels; NaN if it fits
// nowhere.
func ssim(a, b *image.NRGBA) float64 {
	w, h := a.Rect.Dx(), a.Rect.Dy()
	if w < ssimWindow || h < ssimWindow {
		return math.NaN()
	}
	g := gaussian()
	var total float64
	for c := range 3 {
		total += ssimChannel(channel(a, c), channel(b, c), w, h, g)
	}
	return total / 3
}

func ssimChannel(x, y []float64, w, h int, g [ssimWindow]float64) float64 {
	product := func(a, b []float64) []float64 {
		p := make([]float64, len(a))
		for i := range a {
			p[i] = a[i] * b[i]
		}
		return p
	}
	mx, my := blur(x, w, h, g), blur(y, w, h, g)
	xx, yy, xy := blur(product(x, x), w, h, g), blur(product(y, y), w, h, g), blur(product(x, y), w, h, g)
	var sum float64
	for i := range mx {
		m2x, m2y, mxy := mx[i]*mx[i], my[i]*my[i], mx[i]*my[i]
		sum += (2*mxy + ssimC1) * (2*(xy[i]-mxy) + ssimC2) / ((m2x + m2y + ssimC1) * (xx[i] - m2x + yy[i] - m2y + ssimC2))
	}
	return sum / float64(len(mx))
}

// blur is the weighted mean at every position where the window fits: (h−10)×(w−10) values.
func blur(p []float64, w, h int, g [ssimWindow]float64) []float64 {
	ow, oh := w-ssimWindow+1, h-ssimWindow+1
	rows := make([]float64, h*ow)
	for y := range h {
		for x := range ow {
			var s float64
			for k, v := range g {
				s += v * p[y*w+x+k]
			}
			rows[y*ow+x] = s
		}
	}
	out := make([]float64, oh*ow)
	for y := range oh {
		for k, v := range g {
			for x := range ow {
				out[y*ow+x] += v * rows[(y+k)*ow+x]
			}
		}
	}
	return out
}

func gaussian() (g [ssimWindow]float64) {
	var sum float64
	for i := range g {
		d := float64(i - ssimWindow/2)
		g[i] = math.Exp(-d * d / (2 * ssimSigma * ssimSigma))
		sum += g[i]
	}
	for i := range g {
		g[i] /= sum
	}
	return g
}

func channel(p *image.NRGBA, c int) []float64 {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	out := make([]float64, w*h)
	for y := range h {
		for x := range w {
			out[y*w+x] = float64(p.Pix[y*p.Stride+4*x+c])
		}
	}
	return out
}
