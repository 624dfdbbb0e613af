package train

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// LoRA trains W = W₀ + (α/r)·A·B with A of r columns and B of r rows instead of W (Hu et al., arXiv
// 2106.09685, section 4.1). A starts at normal values of variance 1/rows and B at zero, so training
// starts at W₀. Since W is the sum, its gradient gives those of A and B: dA = (α/r)·dW·Bᵀ and
// dB = (α/r)·Aᵀ·dW.
type LoRA struct {
	W, A, B *Param
	base    []float32
	scale   float32
	m, n, r int
	scratch []float32
}

// NewLoRA adapts a matrix of two axes with rank r and α = alpha; the seed and the name decide A.
func NewLoRA(w *Param, r int, alpha float64, seed uint64) (*LoRA, error) {
	if w.Role != Matrix || len(w.Shape) != 2 {
		return nil, fmt.Errorf("train: %s of shape %v is no matrix to adapt", w.Name, w.Shape)
	}
	m, n := w.Shape[0], w.Shape[1]
	if r < 1 || r > min(m, n) {
		return nil, fmt.Errorf("train: rank %d for %s of shape %v", r, w.Name, w.Shape)
	}
	l := &LoRA{W: w, m: m, n: n, r: r, scale: float32(alpha / float64(r)), base: append([]float32(nil), w.Value...)}
	l.A = NewParam(w.Name+".lora_a", Matrix, []int{m, r}, make([]float32, m*r))
	l.B = NewParam(w.Name+".lora_b", Matrix, []int{r, n}, make([]float32, r*n))
	l.A.Block, l.B.Block = w.Block, w.Block
	h := fnv.New64a()
	h.Write([]byte(w.Name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	for i := range l.A.Value {
		l.A.Value[i] = float32(rng.NormFloat64() / math.Sqrt(float64(m)))
	}
	l.scratch = make([]float32, max(kernel.GemmScratch(m, r, n), kernel.GemmScratch(r, n, m), kernel.GemmScratch(m, n, r)))
	return l, nil
}

// Pull turns the gradient of W into those of A and B.
func (l *LoRA) Pull() {
	kernel.Gemm(l.A.Grad, l.r, false, l.W.Grad, l.n, true, l.B.Value, l.n, l.m, l.r, l.n, l.scale, false, l.scratch)
	kernel.Gemm(l.B.Grad, l.n, true, l.A.Value, l.r, false, l.W.Grad, l.n, l.r, l.n, l.m, l.scale, false, l.scratch)
}

// Push writes W₀ + (α/r)·A·B to W: the adapters are merged at every step.
func (l *LoRA) Push() {
	copy(l.W.Value, l.base)
	kernel.Gemm(l.W.Value, l.n, false, l.A.Value, l.r, false, l.B.Value, l.n, l.m, l.n, l.r, l.scale, true, l.scratch)
}
