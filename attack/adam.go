package attack

import "math"

// adamW is Adam with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101) with PyTorch's
// order of operations: decay first, then the step with both moments' bias corrected and eps added to
// the root. It minimises.
type adamW struct {
	lr, beta1, beta2, eps, decay float64
	m, v                         []float64
	t                            int
}

// newAdamW returns PyTorch's defaults (β 0.9 and 0.999, eps 1e-8, weight decay 0.01) at a learning rate.
func newAdamW(lr float64, n int) *adamW {
	return &adamW{lr: lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.01, m: make([]float64, n), v: make([]float64, n)}
}

// step moves the variable x against its gradient g, which is multiplied by scale first.
func (a *adamW) step(x, g []float32, scale float64) {
	a.t++
	c1 := 1 - math.Pow(a.beta1, float64(a.t))
	c2 := math.Sqrt(1 - math.Pow(a.beta2, float64(a.t)))
	for i := range x {
		d := scale * float64(g[i])
		a.m[i] = float64(a.beta1*a.m[i]) + float64((1-a.beta1)*d)
		a.v[i] = float64(a.beta2*a.v[i]) + float64((1-a.beta2)*float64(d*d))
		kept := float64(x[i]) * (1 - a.lr*a.decay)
		x[i] = float32(kept - float64(a.lr/c1*a.m[i])/(math.Sqrt(a.v[i])/c2+a.eps))
	}
}
