package guard

import (
	"math"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Softmax turns logits into probabilities; guards after it act on those.
type Softmax struct{}

var _ = register("softmax", "softmax: logits to probabilities", func(*expr.Args) (Guard, error) { return Softmax{}, nil })

func (Softmax) String() string { return "softmax" }

// Apply implements [Guard].
func (Softmax) Apply(row []float64, _ uint64) {
	top := row[argmax(row)]
	sum := 0.0
	for i, v := range row {
		row[i] = math.Exp(v - top)
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
}

// Temperature divides logits by T: above 1 it flattens the probabilities.
type Temperature struct {
	T float64 // 0.001…1000
}

var _ = register("temperature", "temperature(t=2): divide logits by t", func(a *expr.Args) (Guard, error) {
	g := Temperature{a.Number("t", 2)}
	return g, expr.Outside("temperature", "t", g.T, 0.001, 1000)
})

func (g Temperature) String() string { return expr.Print("temperature", g.T) }

// Apply implements [Guard].
func (g Temperature) Apply(row []float64, _ uint64) {
	for i := range row {
		row[i] /= g.T
	}
}
