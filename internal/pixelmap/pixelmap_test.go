package pixelmap

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGradients compares the loss with its definition in float64 and its gradients with central
// differences.
func TestGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	labels := []uint8{0, 0, 0, 1, 2, 3, Unlabelled, 2, 1, 0, 0, 0}
	m := New(5, 4, 4)
	m.Balance(0.5, labels)
	mean := 0.0
	for _, c := range labels {
		if c != Unlabelled {
			mean += float64(m.Weight[c]) / 11
		}
	}
	if math.Abs(mean-1) > 1e-6 || math.Abs(float64(m.Weight[3]*m.Weight[3]/m.Weight[0]/m.Weight[0])-6) > 1e-5 {
		t.Errorf("weights %v of mean %v", m.Weight, mean)
	}
	vectors := make([]float32, 3*5)
	for _, dst := range [][]float32{vectors, m.Matrix.Value, m.Bias.Value} {
		for i := range dst {
			dst[i] = float32(rng.NormFloat64())
		}
	}
	dVectors, dLogits := make([]float32, len(vectors)), make([]float32, 3*m.Outputs())
	const share = 0.3
	loss := m.Loss(vectors, labels, share, dVectors, dLogits)
	if want := byHand(m, vectors, labels, share); math.Abs(loss-want) > 1e-5 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	m.Accumulate(vectors, dLogits)
	for _, c := range []struct {
		name       string
		value, got []float32
	}{{"vectors", vectors, dVectors}, {"matrix", m.Matrix.Value, m.Matrix.Grad}, {"bias", m.Bias.Value, m.Bias.Grad}} {
		for i, keep := range c.value {
			const h = 1e-2
			c.value[i] = keep + h
			up := byHand(m, vectors, labels, share)
			c.value[i] = keep - h
			want := (up - byHand(m, vectors, labels, share)) / (2 * h)
			c.value[i] = keep
			if math.Abs(want-float64(c.got[i])) > 5e-4 {
				t.Fatalf("%s %d: gradient %v, difference %v", c.name, i, c.got[i], want)
			}
		}
	}
}

func byHand(m *Map, vectors []float32, labels []uint8, share float64) (sum float64) {
	n := m.Outputs()
	for k, c := range labels {
		if c == Unlabelled {
			continue
		}
		z, total := make([]float64, m.Classes), 0.0
		for j := range z {
			col := (k%m.Pixels)*m.Classes + j
			z[j] = float64(m.Bias.Value[col])
			for i := range m.Width {
				z[j] += float64(vectors[k/m.Pixels*m.Width+i]) * float64(m.Matrix.Value[i*n+col])
			}
			total += math.Exp(z[j])
		}
		sum += share * float64(m.Weight[c]) * (math.Log(total) - z[c])
	}
	return sum
}
