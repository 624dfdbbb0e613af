package resample

import (
	"fmt"
	"math"
)

// Filter is the interpolation kernel of a resize. Its text is the name that PIL and torch use.
type Filter string

const (
	Nearest  Filter = "nearest"
	Box      Filter = "box"
	Bilinear Filter = "bilinear"
	Hamming  Filter = "hamming"
	Bicubic  Filter = "bicubic"
	Lanczos  Filter = "lanczos"
)

// kernel returns the filter's continuous kernel and its half-width in pixels, as PIL defines them.
func (f Filter) kernel() (k func(float64) float64, support float64, err error) {
	switch f {
	case Box:
		return boxKernel, 0.5, nil
	case Bilinear:
		return triangleKernel, 1, nil
	case Hamming:
		return hammingKernel, 1, nil
	case Bicubic:
		return func(x float64) float64 { return cubicKernel(x, -0.5) }, 2, nil
	case Lanczos:
		return lanczosKernel, 3, nil
	}
	return nil, 0, fmt.Errorf("resample: unknown filter %q (want nearest, box, bilinear, hamming, bicubic or lanczos)", string(f))
}

func boxKernel(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func triangleKernel(x float64) float64 { return max(0, 1-math.Abs(x)) }

func hammingKernel(x float64) float64 {
	x = math.Abs(x)
	if x == 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	return math.Sin(math.Pi*x) / (math.Pi * x) * (0.54 + 0.46*math.Cos(math.Pi*x))
}

// cubicKernel is Keys's cubic convolution kernel with parameter a (−0.5 in PIL and in torch's antialiased
// resize, −0.75 in torch's plain one).
func cubicKernel(x, a float64) float64 {
	x = math.Abs(x)
	if x < 1 {
		return ((a+2)*x-(a+3))*x*x + 1
	}
	if x < 2 {
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

func lanczosKernel(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
