// Package pixelmap is a linear map from the vector of a patch to the class of each of its pixels: what a
// linear head can draw that is finer than the patch grid. It holds the loss and its gradients; towers are
// trained through it and heads are fitted with it.
package pixelmap

import (
	"math"
	"sync"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// Map gives logits vector·Matrix + Bias, pixel by pixel and within a pixel class by class.
type Map struct {
	Width, Pixels, Classes int
	Matrix, Bias           *train.Param // Width×(Pixels·Classes), and Pixels·Classes
	Weight                 []float32    // of a pixel, by its class

	free sync.Pool
}

// Unlabelled is the class of a pixel that counts nowhere.
const Unlabelled = 0xff

// New returns a map of zeros with weights of 1.
func New(width, pixels, classes int) *Map {
	n := pixels * classes
	m := &Map{Width: width, Pixels: pixels, Classes: classes, Weight: make([]float32, classes)}
	m.Matrix = train.NewParam("pixels.weight", train.Matrix, []int{width, n}, make([]float32, width*n))
	m.Bias = train.NewParam("pixels.bias", train.Bias, []int{n}, make([]float32, n))
	for c := range m.Weight {
		m.Weight[c] = 1
	}
	m.free.New = func() any { return new([]float32) }
	return m
}

// Outputs is the number of logits of a patch.
func (m *Map) Outputs() int { return m.Pixels * m.Classes }

// Balance weighs classes by their rarity among some pixels, share^−power, so that the mean weight is 1.
func (m *Map) Balance(power float64, labels ...[]uint8) {
	count, all, norm := make([]float64, m.Classes), 0.0, 0.0
	for _, l := range labels {
		for _, c := range l {
			if c != Unlabelled {
				count[c]++
				all++
			}
		}
	}
	for _, k := range count {
		norm += math.Pow(k/max(all, 1), 1-power)
	}
	for c, k := range count {
		m.Weight[c] = float32(math.Pow(max(k, 1)/max(all, 1), -power) / max(norm, 1e-12))
	}
}

// Loss is the sum over the pixels of some patches of the weighted cross-entropy, times share. vectors are
// the patches' rows, labels the classes of their pixels, row by row. Where dVectors is not nil it receives
// the gradient there; dLogits, rows×Outputs or nil, that at the logits.
func (m *Map) Loss(vectors []float32, labels []uint8, share float64, dVectors, dLogits []float32) (sum float64) {
	rows, n := len(vectors)/m.Width, m.Outputs()
	if dLogits == nil {
		dLogits = m.take(rows * n)
		defer m.give(dLogits)
	}
	scratch := m.take(max(kernel.GemmScratch(rows, n, m.Width), kernel.GemmScratch(rows, m.Width, n)))
	defer m.give(scratch)
	kernel.Gemm(dLogits, n, false, vectors, m.Width, false, m.Matrix.Value, n, rows, n, m.Width, 1, false, scratch)
	for r := range rows {
		row := dLogits[r*n : (r+1)*n]
		kernel.AddTo(row, m.Bias.Value)
		for p := range m.Pixels {
			sum += m.pixel(row[p*m.Classes:(p+1)*m.Classes], labels[r*m.Pixels+p], share)
		}
	}
	if dVectors != nil {
		kernel.Gemm(dVectors, m.Width, false, dLogits, n, true, m.Matrix.Value, n, rows, m.Width, n, 1, false, scratch)
	}
	return sum
}

// pixel replaces a pixel's logits by the gradient there and returns its part of the loss.
func (m *Map) pixel(z []float32, class uint8, share float64) float64 {
	if class == Unlabelled {
		clear(z)
		return 0
	}
	top := z[0]
	for _, v := range z[1:] {
		top = max(top, v)
	}
	sum := 0.0
	want := float64(z[class] - top)
	for c, v := range z {
		e := math.Exp(float64(v - top))
		sum += e
		z[c] = float32(e)
	}
	weight := share * float64(m.Weight[class])
	for c := range z {
		z[c] *= float32(weight / sum)
	}
	z[class] -= float32(weight)
	return weight * (math.Log(sum) - want)
}

// Accumulate adds the gradient of some patches to the map's.
func (m *Map) Accumulate(vectors, dLogits []float32) {
	rows, n := len(vectors)/m.Width, m.Outputs()
	scratch := m.take(kernel.GemmScratch(m.Width, n, rows))
	defer m.give(scratch)
	kernel.Gemm(m.Matrix.Grad, n, true, vectors, m.Width, false, dLogits, n, m.Width, n, rows, 1, true, scratch)
	for r := range rows {
		kernel.AddTo(m.Bias.Grad, dLogits[r*n:(r+1)*n])
	}
}

func (m *Map) take(n int) []float32 {
	s := *m.free.Get().(*[]float32)
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func (m *Map) give(s []float32) { m.free.Put(&s) }
