package head

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// adam is Adam with a rate that the caller scales at each step, which Gorgonia's solvers do not allow. Moments
// are kept in float64.
type adam struct {
	rate, decay float64
	learn       G.Nodes
	m, v        [][]float64
	t           float64
}

func newAdam(how Training, learn G.Nodes) *adam {
	a := &adam{rate: how.Rate, decay: how.Decay, learn: learn}
	for _, n := range learn {
		size := n.Shape().TotalSize()
		a.m, a.v = append(a.m, make([]float64, size)), append(a.v, make([]float64, size))
	}
	return a
}

// step changes the learnables in place from the gradients of the last run; b1 = 0.9, b2 = 0.999, ε = 1e-8.
func (a *adam) step(scale float64) error {
	a.t++
	c1, c2 := 1-math.Pow(0.9, a.t), 1-math.Pow(0.999, a.t)
	for k, n := range a.learn {
		grad, err := n.Grad()
		if err != nil {
			return fmt.Errorf("gradient of %s: %w", n.Name(), err)
		}
		w, g := n.Value().Data().([]float32), grad.Data().([]float32)
		m, v := a.m[k], a.v[k]
		for i, d := range g {
			d := float64(d) + a.decay*float64(w[i])
			m[i] = 0.9*m[i] + 0.1*d
			v[i] = 0.999*v[i] + 0.001*d*d
			w[i] -= float32(a.rate * scale * (m[i] / c1) / (math.Sqrt(v[i]/c2) + 1e-8))
		}
		clear(g) // the next run adds to it
	}
	return nil
}
