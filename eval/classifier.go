package eval

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense/guard"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// guarded is a classifier that shows its scores through a guard, as somebody who may only ask sees it. The
// label is shown beside them, so of scores that the guard made equal the label's counts as the largest.
type guarded struct {
	attack.Classifier
	guard guard.Guard
	seed  uint64
}

func (g guarded) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	from := len(dst)
	dst, err := g.Classifier.Logits(dst, acts)
	if err != nil {
		return nil, err
	}
	row := dst[from:]
	label := 0
	for k, v := range row {
		if v > row[label] {
			label = k
		}
	}
	g.guard.Apply(row, g.seed)
	for k, v := range row {
		if k != label && v >= row[label] {
			row[label] = math.Nextafter(v, math.Inf(1))
		}
	}
	return dst, nil
}

// labelled are the options of an attack on a head that knows each image's class.
func labelled(c attack.Classifier) func([]*dataset.Sample) ([]attack.Option, error) {
	return func(images []*dataset.Sample) ([]attack.Option, error) {
		labels := make([]int, len(images))
		for i, s := range images {
			if s.Label < 0 {
				return nil, fmt.Errorf("%s has no class, which an attack on a classifier needs", s.ID)
			}
			labels[i] = s.Label
		}
		return []attack.Option{attack.Against(c, labels)}, nil
	}
}
