package membership

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Model answers for the examples of a pool. It must be safe for concurrent use.
type Model interface {
	// Logits are the scores of the classes for an example, seen as one of its views; view 0 is the example itself.
	Logits(example, view int) ([]float64, error)
}

// Train fits a model to the examples given.
type Train func(ctx context.Context, examples []int, seed uint64) (Model, error)

// halves draws which models hold which example: each example is in exactly half of the models.
func halves(models, examples int, seed uint64) [][]bool {
	in := make([][]bool, models)
	for m := range in {
		in[m] = make([]bool, examples)
	}
	rng := rand.New(rand.NewPCG(seed, 0x68616c76))
	for i := range examples {
		for _, m := range rng.Perm(models)[:models/2] {
			in[m][i] = true
		}
	}
	return in
}

// answers holds the logits of every model for every view of every example.
type answers struct {
	labels []int
	in     [][]bool        // model → example
	logits [][][][]float64 // model → example → view → class
}

// ask trains every model and asks it about the whole pool.
func ask(ctx context.Context, c Config, train Train) (*answers, error) {
	a := &answers{labels: c.Labels, in: halves(c.Models, len(c.Labels), c.Seed)}
	for m, members := range a.in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var examples []int
		for i, member := range members {
			if member {
				examples = append(examples, i)
			}
		}
		model, err := train(ctx, examples, c.Seed+uint64(m))
		if err != nil {
			return nil, fmt.Errorf("membership: model %d of %d: %w", m+1, c.Models, err)
		}
		rows, err := c.answersOf(model)
		if err != nil {
			return nil, fmt.Errorf("membership: model %d of %d: %w", m+1, c.Models, err)
		}
		a.logits = append(a.logits, rows)
		if c.Progress != nil {
			c.Progress(m+1, c.Models)
		}
	}
	return a, nil
}

func (c Config) answersOf(m Model) ([][][]float64, error) {
	out := make([][][]float64, len(c.Labels))
	for i, label := range c.Labels {
		for v := range c.Views {
			row, err := m.Logits(i, v)
			if err != nil {
				return nil, fmt.Errorf("example %d, view %d: %w", i, v, err)
			}
			if label >= len(row) || slices.ContainsFunc(row, func(x float64) bool { return x-x != 0 }) {
				return nil, fmt.Errorf("example %d, view %d: scores %v for class %d", i, v, row, label)
			}
			out[i] = append(out[i], slices.Clone(row))
		}
	}
	return out, nil
}
