package train

import "github.com/plumbline-ml/plumbline/internal/kernel"

// Average is an exponential moving average of parameters, e ← β·e + (1−β)·w after every step, with β
// lowered to (1+n)/(10+n) in step n at the start, so that the first weights do not linger.
type Average struct {
	Decay  float64
	params []*Param
	values [][]float32
}

// NewAverage starts at the parameters' present values.
func NewAverage(ps []*Param, decay float64) *Average {
	a := &Average{Decay: decay, params: ps, values: like(ps)}
	for i, p := range ps {
		copy(a.values[i], p.Value)
	}
	return a
}

// Update takes in the parameters after step number step, counted from 0.
func (a *Average) Update(step int) {
	n := float64(step + 1)
	beta := min(a.Decay, (1+n)/(10+n))
	for i, p := range a.params {
		kernel.Scale(a.values[i], float32(beta), a.values[i])
		kernel.Axpy(a.values[i], float32(1-beta), p.Value)
	}
}

// Swap exchanges the averages and the parameters' values; a second call undoes the first.
func (a *Average) Swap() {
	for i, p := range a.params {
		for j, v := range p.Value {
			p.Value[j], a.values[i][j] = a.values[i][j], v
		}
	}
}
