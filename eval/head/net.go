package head

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// net is a stack of dense layers with x·σ(1.702x) between them (QuickGELU; Hendrycks and Gimpel, arXiv
// 1606.08415), on inputs that are standardised feature by feature. With one layer it is linear.
type net struct {
	Sizes  []int // input, hidden…, output
	mean   []float32
	invStd []float32
	layers []dense
	ready  atomic.Pointer[[]packed] // layers as products want them, made when first needed
}

// dense is y = x·W + b, W of in×out row-major.
type dense struct{ w, b []float32 }

// maxNet bounds the numbers in a net read from a file.
const maxNet = 1 << 28

// newNet draws weights of variance 1/in from the seed; biases are zero.
func newNet(sizes []int, seed uint64) (*net, error) {
	if err := checkSizes(sizes); err != nil {
		return nil, err
	}
	n := &net{Sizes: sizes, mean: make([]float32, sizes[0]), invStd: make([]float32, sizes[0])}
	for i := range n.invStd {
		n.invStd[i] = 1
	}
	rng := rand.New(rand.NewPCG(seed, 0x6e6574))
	for l := range len(sizes) - 1 {
		d := dense{w: make([]float32, sizes[l]*sizes[l+1]), b: make([]float32, sizes[l+1])}
		scale := 1 / math.Sqrt(float64(sizes[l]))
		for i := range d.w {
			d.w[i] = float32(rng.NormFloat64() * scale)
		}
		n.layers = append(n.layers, d)
	}
	return n, nil
}

func checkSizes(sizes []int) error {
	if len(sizes) < 2 || len(sizes) > 16 {
		return fmt.Errorf("net of %d layers", len(sizes)-1)
	}
	total := 0
	for i, s := range sizes {
		if s < 1 || s > 1<<24 {
			return fmt.Errorf("layer width %d", s)
		}
		if i > 0 {
			if total += sizes[i-1] * s; total > maxNet {
				return fmt.Errorf("net of layers %v has more than %d weights", sizes, maxNet)
			}
		}
	}
	return nil
}

// standardise fixes the input scaling to zero mean and unit variance over the rows. Features that do not vary
// are only centred.
func (n *net) standardise(rows [][]float32) {
	sum, square := make([]float64, n.Sizes[0]), make([]float64, n.Sizes[0])
	for _, r := range rows {
		for j, v := range r {
			sum[j] += float64(v)
			square[j] += float64(v) * float64(v)
		}
	}
	count := float64(len(rows))
	for j := range sum {
		mean := sum[j] / count
		variance := square[j]/count - mean*mean
		n.mean[j], n.invStd[j] = float32(mean), 1
		if variance > 1e-12*(1+mean*mean) {
			n.invStd[j] = float32(1 / math.Sqrt(variance))
		}
	}
}

// scaled standardises rows that lie one after another.
func (n *net) scaled(x []float32) []float32 {
	out, width := make([]float32, len(x)), n.Sizes[0]
	for at := 0; at < len(x); at += width {
		row := out[at : at+width]
		for j, v := range x[at : at+width] {
			row[j] = (v - n.mean[j]) * n.invStd[j]
		}
	}
	return out
}

// apply is one row's product, summed in float64.
func (d dense) apply(x []float32, width int) []float32 {
	sum := make([]float64, width)
	for j, v := range d.b {
		sum[j] = float64(v)
	}
	for i, v := range x {
		row := d.w[i*width : (i+1)*width]
		for j, w := range row {
			sum[j] += float64(v) * float64(w)
		}
	}
	out := make([]float32, width)
	for j, v := range sum {
		out[j] = float32(v)
	}
	return out
}

func activate(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(float64(v) / (1 + math.Exp(-1.702*float64(v))))
	}
	return out
}

// slope is the derivative of x·σ(1.702x).
func slope(x float64) float64 {
	s := 1 / (1 + math.Exp(-1.702*x))
	return s + 1.702*x*s*(1-s)
}
