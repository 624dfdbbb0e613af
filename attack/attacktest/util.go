package attacktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }

func fill(rng *rand.Rand, x []float32, scale float64) {
	for i := range x {
		x[i] = float32(scale * (2*rng.Float64() - 1))
	}
}

func fill64(rng *rand.Rand, n int, scale float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = scale * (2*rng.Float64() - 1)
	}
	return x
}

func values(img *tensor.Dense, h, w int) ([]float32, error) {
	s := img.Shape()
	if len(s) != 3 || s[0] != 3 || s[1] != h || s[2] != w {
		return nil, fmt.Errorf("attacktest: the image is %v; want 3×%d×%d", s, h, w)
	}
	return img.Float32s(), nil
}

// Images returns n random images of h×w pixels with values on the 8-bit grid, among them 0 and 255.
func Images(seed uint64, n, h, w int) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 2))
	out := make([]*tensor.Dense, n)
	for i := range out {
		x := make([]float32, 3*h*w)
		for k := range x {
			x[k] = float32(float64(rng.IntN(256)) / 255)
		}
		x[0], x[len(x)-1] = 0, 1
		out[i] = tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(x))
	}
	return out
}

// Smooth returns n images of h×w pixels with values in [0.3, 0.7], so that no clip at 0 or 1 is active
// for small ε.
func Smooth(seed uint64, n, h, w int) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := make([]*tensor.Dense, n)
	for i := range out {
		x := make([]float32, 3*h*w)
		fx, fy, p := rng.Float64(), rng.Float64(), rng.Float64()*6
		for k := range x {
			y, c := k%(h*w)/w, k/(h*w)
			x[k] = float32(0.5 + 0.2*math.Sin(fx*float64(k%w)+fy*float64(y)+p+float64(c)))
		}
		out[i] = tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(x))
	}
	return out
}
