package encoder

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/resample"
)

// Filter is the interpolation kernel of a resize, by the name PIL gives it: "nearest", "box", "bilinear",
// "hamming", "bicubic" (a = −0.5) or "lanczos". All but nearest are stretched when the picture shrinks (antialias).
type Filter = resample.Filter

const (
	Nearest  = resample.Nearest
	Box      = resample.Box
	Bilinear = resample.Bilinear
	Hamming  = resample.Hamming
	Bicubic  = resample.Bicubic
	Lanczos  = resample.Lanczos
)

// CropRule says where a centre crop of c pixels begins on a side of s pixels when s−c is odd.
type CropRule string

const (
	// CropFloor begins at ⌊(s−c)/2⌋, as Hugging Face's image processors do. The zero value means the same.
	CropFloor CropRule = "floor"
	// CropRound begins at (s−c)/2 rounded half to even, and pads ⌊(c−s)/2⌋ pixels before, as torchvision does.
	CropRound CropRule = "round"
)

// Preprocess maps source pixels to the network input: resize with antialias as PIL does it, centre crop (zeros
// where the picture is smaller than the crop), normalisation. Every part is linear: overshoot of the resize is not
// clipped and nothing is rounded to 8 bits, so that the gradient is exact. PIL on 8-bit pictures rounds after each of its
// two passes: where it clips nothing it is within 1.25 levels of this (one level once this is rounded too). The
// preprocessing is part of the model's identity.
type Preprocess struct {
	Resize   [2]int     `json:"resize"`              // target height and width; {n,0} scales the shorter side to n; {0,0} leaves the size
	Filter   Filter     `json:"filter,omitempty"`    // kernel of the resize; "" is bicubic
	Crop     [2]int     `json:"crop"`                // centre crop height and width; {0,0} for none
	CropRule CropRule   `json:"crop_rule,omitempty"` // where an uneven crop begins; "" is CropFloor
	Mean     [3]float64 `json:"mean"`                // per channel, in [0,1] units
	Std      [3]float64 `json:"std"`                 // per channel, in [0,1] units, above 0
	Source   string     `json:"source"`              // where it was found: a file, an option, or "CLIP default"
}

// clipMean and clipStd are the channel statistics OpenAI's CLIP normalises with.
var (
	clipMean = [3]float64{0.48145466, 0.4578275, 0.40821073}
	clipStd  = [3]float64{0.26862954, 0.26130258, 0.27577711}
)

// CLIPPreprocess is the transform of OpenAI's CLIP at a network input of size×size: shorter side resized bicubically
// to size, centre crop by torchvision's rule, CLIP's mean and standard deviation.
func CLIPPreprocess(size int) Preprocess {
	return Preprocess{
		Resize: [2]int{size, 0}, Filter: Bicubic,
		Crop: [2]int{size, size}, CropRule: CropRound,
		Mean: clipMean, Std: clipStd, Source: "CLIP default",
	}
}

// Validate reports the first field that makes no sense.
func (p Preprocess) Validate() error {
	for _, s := range []struct {
		name string
		v    [2]int
	}{{"resize", p.Resize}, {"crop", p.Crop}} {
		if s.v[0] < 0 || s.v[1] < 0 || s.v[0] > resample.MaxSide || s.v[1] > resample.MaxSide {
			return fmt.Errorf("encoder: preprocess: %s %d×%d: sides must lie in 0…%d", s.name, s.v[0], s.v[1], resample.MaxSide)
		}
	}
	if p.Resize[0] == 0 && p.Resize[1] != 0 {
		return fmt.Errorf("encoder: preprocess: resize {0,%d}: a height is missing", p.Resize[1])
	}
	if (p.Crop[0] == 0) != (p.Crop[1] == 0) {
		return fmt.Errorf("encoder: preprocess: crop %d×%d: give both sides or none", p.Crop[0], p.Crop[1])
	}
	switch p.Filter {
	case "", Nearest, Box, Bilinear, Hamming, Bicubic, Lanczos:
	default:
		return fmt.Errorf("encoder: preprocess: filter %q is unknown (want nearest, box, bilinear, hamming, bicubic or lanczos)", p.Filter)
	}
	switch p.CropRule {
	case "", CropFloor, CropRound:
	default:
		return fmt.Errorf("encoder: preprocess: crop_rule %q is unknown (want floor or round)", p.CropRule)
	}
	for c := range 3 {
		if m, s := p.Mean[c], p.Std[c]; math.IsNaN(m) || math.IsInf(m, 0) || !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("encoder: preprocess: channel %d has mean %g and std %g: they must be finite and std above 0", c, m, s)
		}
	}
	return nil
}

// String returns the fields as JSON.
func (p Preprocess) String() string {
	b, err := json.Marshal(p)
	if err != nil { // a mean or std that is no number
		return fmt.Sprintf("invalid preprocess: mean %v, std %v", p.Mean, p.Std)
	}
	return string(b)
}

// resized returns the height and width after the resize of a source of h×w.
func (p Preprocess) resized(h, w int) (int, int) {
	switch n := p.Resize[0]; {
	case n == 0:
		return h, w
	case p.Resize[1] != 0:
		return n, p.Resize[1]
	case h <= w:
		return n, n * w / h
	default:
		return n * h / w, n
	}
}

// cropStart returns where a centre crop of c pixels begins on a side of s; negative where zeros are padded.
func (p Preprocess) cropStart(s, c int) int {
	d := s - c
	if p.CropRule != CropRound {
		return d >> 1 // rounds down, also below zero
	}
	if d < 0 {
		return -(-d / 2)
	}
	return int(math.RoundToEven(float64(d) / 2))
}
