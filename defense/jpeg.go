package defense

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// JPEG compresses and decompresses with the standard library's image/jpeg (4:2:0, the tables of Annex K), starting from
// the picture rounded to 8 bits (Guo et al., arXiv 1711.00117 §3; Das et al., arXiv 1705.02900).
//
// The surrogate is the gradient of the same transform in real numbers, colour conversion, chroma averaging and DCT, with
// the rounding of coefficients replaced: by the identity ("straight", the default), or by Shin and Song's x ↦ ⌊x⌉ +
// (x−⌊x⌉)³ ("soft": "JPEG-resistant adversarial images", 2017).
type JPEG struct {
	Quality  int    // 1…100
	Rounding string // "straight" or "soft"; "" is straight
}

var _ = purifier("jpeg", "jpeg(quality=75,rounding=straight): compress and decompress; gradient with straight-through or soft rounding (arXiv 1711.00117)",
	func(a *expr.Args) Purifier { return JPEG{a.Integer("quality", 75), a.Text("rounding", "")} })

// Traits says: not random, gradient standin.
func (JPEG) Traits() Traits { return Traits{Name: "jpeg", Surrogate: StandIn} }

func (j JPEG) String() string {
	if j.Rounding == "" || j.Rounding == "straight" {
		return expr.Print("jpeg", j.Quality)
	}
	return expr.Print("jpeg", j.Quality, j.Rounding)
}

// Validate reports a parameter out of range.
func (j JPEG) Validate() error {
	if j.Rounding != "" && j.Rounding != "straight" && j.Rounding != "soft" {
		return fmt.Errorf("defense: jpeg: rounding is %q, want straight or soft", j.Rounding)
	}
	return expr.Outside("jpeg", "quality", float64(j.Quality), 1, 100)
}

// Purify implements [Purifier].
func (j JPEG) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, toRGBA(src), &jpeg.Options{Quality: j.Quality}); err != nil {
		return nil, err
	}
	img, err := jpeg.Decode(&file)
	if err != nil {
		return nil, err
	}
	out, err := fromYCbCr(img)
	if err != nil {
		return nil, err
	}
	return []View{{Picture: out, Pull: func(dsrc, dout []float32) { j.pull(src, dsrc, dout) }}}, nil
}

// toRGBA rounds to 8 bits; what is no number in [0,1] is clamped, NaN to 0.
func toRGBA(p Picture) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, p.W, p.H))
	n := p.H * p.W
	for i := range n {
		for c := range 3 {
			img.Pix[4*i+c] = toByte(p.Pix[c*n+i])
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

func toByte(v float32) uint8 {
	if !(v > 0) {
		return 0
	}
	return uint8(math.Round(float64(min(v, 1)) * 255))
}

func fromYCbCr(img image.Image) (Picture, error) {
	m, ok := img.(*image.YCbCr)
	if !ok {
		return Picture{}, fmt.Errorf("image/jpeg decoded to %T, want YCbCr", img)
	}
	b := m.Bounds()
	out := NewPicture(b.Dy(), b.Dx())
	n := out.H * out.W
	for y := range out.H {
		for x := range out.W {
			yi, ci := m.YOffset(b.Min.X+x, b.Min.Y+y), m.COffset(b.Min.X+x, b.Min.Y+y)
			r, g, bl := color.YCbCrToRGB(m.Y[yi], m.Cb[ci], m.Cr[ci])
			i := y*out.W + x
			out.Pix[i], out.Pix[n+i], out.Pix[2*n+i] = float32(r)/255, float32(g)/255, float32(bl)/255
		}
	}
	return out, nil
}
