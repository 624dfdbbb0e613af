package metric

import (
	"fmt"
	"image"
	"math"
)

// Distance says how far an 8-bit image lies from its original.
type Distance struct {
	Linf int     `json:"linf"` // largest change of a channel, levels of 255
	L2   float64 `json:"l2"`   // Euclidean length of the change, pixels in [0,1]
	L0   int     `json:"l0"`   // pixels with any channel changed
	PSNR float64 `json:"psnr"` // dB over RGB, peak 255; +Inf for equal images
	SSIM float64 `json:"ssim"` // mean of the channels' structural similarity; NaN below 11 pixels a side
}

// Compare measures b against a, both 8-bit RGB of the same size; alpha is ignored.
func Compare(a, b *image.NRGBA) (Distance, error) {
	w, h := a.Rect.Dx(), a.Rect.Dy()
	if w != b.Rect.Dx() || h != b.Rect.Dy() || w == 0 || h == 0 {
		return Distance{}, fmt.Errorf("metric: images of %d×%d and %d×%d cannot be compared", w, h, b.Rect.Dx(), b.Rect.Dy())
	}
	var d Distance
	var square float64
	for y := range h {
		ra, rb := a.Pix[y*a.Stride:], b.Pix[y*b.Stride:]
		for x := range w {
			changed := false
			for c := range 3 {
				diff := abs(int(ra[4*x+c]) - int(rb[4*x+c]))
				changed = changed || diff > 0
				d.Linf = max(d.Linf, diff)
				square += float64(diff * diff)
			}
			if changed {
				d.L0++
			}
		}
	}
	d.L2 = math.Sqrt(square) / 255
	d.PSNR = 10 * math.Log10(255*255*float64(3*w*h)/square)
	d.SSIM = ssim(a, b)
	return d, nil
}
