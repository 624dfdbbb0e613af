package train

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Step takes step number step, counted from 0, with learning rate lr.
	Step(step int, lr float64)
	// State is the memory that has to survive an interruption, in a fixed order.
	State() [][]float32
}

// NewOptimizer returns the optimiser of that name, "adamw" or "sgd", for ps.
func NewOptimizer(name string, ps []*Param, decay float64) (Optimizer, error) {
	switch name {
	case "adamw":
		return NewAdamW(ps, decay), nil
	case "sgd":
		return NewSGD(ps, 0.9, decay), nil
	}
	return nil, fmt.Errorf("train: no optimiser %q; there are adamw and sgd", name)
}

// SGD is gradient descent with heavy-ball momentum as PyTorch has it: v ← μ·v + g + λ·w, w ← w − η·v.
type SGD struct {
	Momentum, Decay float64
	params          []*Param
	velocity        [][]float32
}

// NewSGD returns SGD with momentum in [0,1) and weight decay λ on matrices.
func NewSGD(ps []*Param, momentum, decay float64) *SGD {
	return &SGD{momentum, decay, ps, like(ps)}
}

// Step implements [Optimizer].
func (o *SGD) Step(_ int, lr float64) {
	for k, p := range o.params {
		v := o.velocity[k]
		kernel.Scale(v, float32(o.Momentum), v)
		kernel.AddTo(v, p.Grad)
		if o.Decay > 0 && p.decays() {
			kernel.Axpy(v, float32(o.Decay), p.Value)
		}
		kernel.Axpy(p.Value, float32(-lr), v)
	}
}

// State implements [Optimizer].
func (o *SGD) State() [][]float32 { return o.velocity }

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2).
type AdamW struct {
	Beta1, Beta2, Eps, Decay float64
	params                   []*Param
	first, second            [][]float32
}

// NewAdamW returns AdamW with β = (0.9, 0.999), ε = 1e-8, and weight decay λ on matrices.
func NewAdamW(ps []*Param, decay float64) *AdamW {
	return &AdamW{0.9, 0.999, 1e-8, decay, ps, like(ps), like(ps)}
}

// Step implements [Optimizer].
func (o *AdamW) Step(step int, lr float64) {
	n := float64(step + 1)
	rate := lr / (1 - math.Pow(o.Beta1, n))
	root := 1 / math.Sqrt(1-math.Pow(o.Beta2, n))
	for k, p := range o.params {
		keep := float32(1)
		if p.decays() {
			keep = float32(1 - lr*o.Decay)
		}
		o.update(p, o.first[k], o.second[k], float32(rate), float32(root), keep)
	}
}

func (o *AdamW) update(p *Param, first, second []float32, rate, root, keep float32) {
	b1, b2, eps := float32(o.Beta1), float32(o.Beta2), float32(o.Eps)
	for i, g := range p.Grad {
		m := float32(b1*first[i]) + float32((1-b1)*g)
		v := float32(b2*second[i]) + float32((1-b2)*g*g)
		first[i], second[i] = m, v
		step := rate * m / (float32(math.Sqrt(float64(v)))*root + eps)
		p.Value[i] = float32(keep*p.Value[i]) - step
	}
}

// State implements [Optimizer].
func (o *AdamW) State() [][]float32 { return append(append([][]float32(nil), o.first...), o.second...) }

// like allocates zeros as long as every parameter.
func like(ps []*Param) [][]float32 {
	out := make([][]float32, len(ps))
	for i, p := range ps {
		out[i] = make([]float32, len(p.Value))
	}
	return out
}
