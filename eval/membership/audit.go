package membership

import (
	"context"
	"errors"
	"fmt"

	"github.com/plumbline-ml/plumbline/defense/guard"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Config of an audit. Labels are required.
type Config struct {
	Labels   []int    // class of every example of the pool
	Views    int      // views of each example, the example itself included; defaults to 1
	Models   int      // even, at least 4; each is the target once; defaults to 16
	Guards   []string // expressions for [guard.Parse]; scores without a guard are always measured first
	Seed     uint64
	Progress func(done, total int) // called after every trained model; may be nil
}

func (c Config) filled() (Config, error) {
	if c.Views == 0 {
		c.Views = 1
	}
	if c.Models == 0 {
		c.Models = 16
	}
	switch {
	case len(c.Labels) < 20:
		return c, fmt.Errorf("membership: %d examples are too few to tell anything", len(c.Labels))
	case c.Views < 1:
		return c, fmt.Errorf("membership: %d views", c.Views)
	case c.Models < 4 || c.Models%2 != 0:
		return c, fmt.Errorf("membership: %d models: want an even number, at least 4", c.Models)
	}
	for i, l := range c.Labels {
		if l < 0 {
			return c, fmt.Errorf("membership: example %d has no class", i)
		}
	}
	return c, nil
}

// noGuard names the row without a guard.
const noGuard = "none"

// Audit trains the models and runs every attack on what they show, without and with each guard. The same configuration and
// trainer give the same report.
func Audit(ctx context.Context, c Config, train Train) (*Report, error) {
	c, err := c.filled()
	if err != nil {
		return nil, err
	}
	if train == nil {
		return nil, errors.New("membership: nothing to train models with")
	}
	guards := []guard.Guard{nil}
	for _, text := range c.Guards {
		g, err := guard.Parse(text)
		if err != nil {
			return nil, err
		}
		guards = append(guards, g)
	}
	a, err := ask(ctx, c, train)
	if err != nil {
		return nil, err
	}
	r := &Report{Schema: Schema, Examples: len(c.Labels), Models: c.Models, Views: c.Views, Seed: c.Seed}
	for k, g := range guards {
		s := a.behind(g, c.Seed)
		if k == 0 {
			r.Accuracy = s.accuracy()
		}
		row := GuardRow{Guard: noGuard, Moved: s.moved}
		if k > 0 {
			row.Guard = g.String()
		}
		for _, at := range attacks {
			res, err := s.run(at)
			if err != nil {
				return nil, fmt.Errorf("membership: %s against %s: %w", at.name, row.Guard, err)
			}
			row.Attacks = append(row.Attacks, res)
		}
		r.Guards = append(r.Guards, row)
	}
	r.Findings = r.findings()
	return r, nil
}

// accuracy is the share of right labels on members and on the others, over all models.
func (s *shown) accuracy() Accuracy {
	var right, all [2]float64
	for m := range s.right {
		for i, views := range s.right[m] {
			k := 1
			if s.in[m][i] {
				k = 0
			}
			all[k]++
			if views[0] {
				right[k]++
			}
		}
	}
	return Accuracy{right[0] / all[0], right[1] / all[1]}
}

// run lets every model be the target once.
func (s *shown) run(a attacker) (AttackRow, error) {
	row := AttackRow{Attack: a.name}
	auc, at1, at01 := make([]float64, len(s.phi)), make([]float64, len(s.phi)), make([]float64, len(s.phi))
	grid := make([][]float64, len(s.phi))
	for m := range s.phi {
		scores := a.scores(s, m)
		var err error
		if auc[m], err = metric.AUROC(scores, s.in[m]); err != nil {
			return row, fmt.Errorf("model %d: %w", m+1, err)
		}
		if at1[m], err = metric.TPRAtFPR(scores, s.in[m], 0.01); err != nil {
			return row, err
		}
		if at01[m], err = metric.TPRAtFPR(scores, s.in[m], 0.001); err != nil {
			return row, err
		}
		if grid[m], err = curve(scores, s.in[m]); err != nil {
			return row, err
		}
	}
	row.AUC, row.TPR1, row.TPR01 = overModels(auc), overModels(at1), overModels(at01)
	row.ROC = meanCurve(grid)
	return row, nil
}
