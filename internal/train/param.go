// Package train holds what every training run needs whatever is trained: parameters, optimisers,
// learning-rate schedules, low-rank adapters, the order of the data, checkpoints, and the loop around
// them. Weights after a run depend on its configuration alone: not on the number of workers, and not on
// whether it was interrupted.
package train

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Role says what a parameter does, for choosing what to train and what decays.
type Role string

// The roles of parameters.
const (
	Matrix   Role = "matrix"   // weight of a linear layer or convolution
	Bias     Role = "bias"     // its bias
	Norm     Role = "norm"     // scale or shift of a normalisation
	Constant Role = "constant" // class token, position embedding, layer scale, temperature
)

// Param is one trainable array.
type Param struct {
	Name  string
	Shape []int
	Role  Role
	Block int // transformer block it belongs to; -1 before the first, the depth after the last
	Value []float32
	Grad  []float32 // of the mean loss over a batch; as long as Value
}

// NewParam returns a parameter over value with a gradient of zero.
func NewParam(name string, role Role, shape []int, value []float32) *Param {
	return &Param{Name: name, Shape: shape, Role: role, Value: value, Grad: make([]float32, len(value))}
}

// decays tells whether weight decay applies: to matrices only, as is usual for transformers.
func (p *Param) decays() bool { return p.Role == Matrix }

// ZeroGrad clears the gradients of ps.
func ZeroGrad(ps []*Param) {
	for _, p := range ps {
		clear(p.Grad)
	}
}

// ScaleGrad multiplies the gradients of ps.
func ScaleGrad(ps []*Param, by float64) {
	for _, p := range ps {
		kernel.Scale(p.Grad, float32(by), p.Grad)
	}
}

// GradNorm is the Euclidean norm of all gradients of ps together.
func GradNorm(ps []*Param) float64 {
	sum := 0.0
	for _, p := range ps {
		sum += kernel.Dot(p.Grad, p.Grad)
	}
	return math.Sqrt(sum)
}

// ClipGrad scales the gradients of ps down to a joint norm of at most limit and returns the norm they
// had. A limit of 0 changes nothing.
func ClipGrad(ps []*Param, limit float64) float64 {
	norm := GradNorm(ps)
	if limit > 0 && norm > limit {
		ScaleGrad(ps, limit/norm)
	}
	return norm
}

// Count is the number of elements of ps.
func Count(ps []*Param) int {
	n := 0
	for _, p := range ps {
		n += len(p.Value)
	}
	return n
}
