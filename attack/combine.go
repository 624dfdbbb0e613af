package attack

import (
	"context"
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
)

var (
	_ = attacks.add("restarts", "an attack repeated with other random numbers, the best result per image", func(a *Args) Attack {
		n := a.Int("n", 5, 1)
		return combined(a, []Attack{part(a, attacks, "attack", "pgd")}, func(p []*imagewise) crafter { return restarts{n, p[0]} })
	})
	_ = attacks.add("cascade", "attacks one after the other, each on the images whose head is not fooled yet", func(a *Args) Attack {
		return combined(a, atLeastOne(a), func(p []*imagewise) crafter { return cascade(p) })
	})
	_ = attacks.add("worst-of", "several attacks, the worst result per image by one objective", func(a *Args) Attack {
		by := a.Objective("by", "auto")
		return combined(a, atLeastOne(a), func(p []*imagewise) crafter { return worstOf{by, p} })
	})
)

// Restarts runs a n times with other random numbers and keeps the best result per image. The first run
// is a itself.
func Restarts(n int, a Attack) (Attack, error) {
	return Parse(fmt.Sprintf("restarts(n=%d,attack=%s)", n, a))
}

// Cascade runs attacks one after the other, each only on images whose head is still right. It needs a
// head and labels.
func Cascade(list ...Attack) (Attack, error) { return Parse("cascade(" + join(list) + ")") }

// WorstOf runs all attacks and keeps, per image, the result with the largest value of the objective by.
func WorstOf(by Objective, list ...Attack) (Attack, error) {
	return Parse("worst-of(by=" + by.String() + "," + join(list) + ")")
}

func join(list []Attack) string {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = a.String()
	}
	return strings.Join(parts, ",")
}

// crafter is the per-image part of an attack.
type crafter interface {
	craft(ctx context.Context, j *job) error
}

// combined makes an attack of attacks.
func combined(a *Args, list []Attack, make func([]*imagewise) crafter) Attack {
	var parts []*imagewise
	for _, x := range list {
		p, ok := x.(interface{ perImage() *imagewise })
		if !ok {
			if x != nil {
				a.errorf("%s does not work image by image and cannot be combined", x)
			}
			return nil
		}
		parts = append(parts, p.perImage())
	}
	if len(parts) == 0 {
		return nil
	}
	w := &imagewise{text: a.String(), label: a.name, craft: make(parts).craft}
	w.check = func(enc encoder.Encoder, tm ThreatModel, s *settings) error {
		for _, p := range parts {
			if p.check == nil {
				continue
			}
			if err := p.check(enc, tm, s); err != nil {
				return err
			}
		}
		return nil
	}
	return w
}

// atLeastOne reads the attacks given as positional arguments; none means the default pair.
func atLeastOne(a *Args) []Attack {
	list := rest(a, attacks)
	if len(list) == 0 && len(a.errs) == 0 {
		a.in = append(a.in, arg{"", mustCall("prm")}, arg{"", mustCall("pgd")})
		a.used = append(a.used, false, false)
		list = rest(a, attacks)
	}
	return list
}

// sub runs one part of a combination as if it were alone, except that its cost, its warnings and its
// steps are j's.
func (j *job) sub(ctx context.Context, p *imagewise, restart int) (*job, error) {
	s := *j
	s.label, s.seed, s.restart = p.label, p.seed, j.restart*1000+restart
	s.best, s.shown = nil, nil
	s.out = Outcome{Name: j.out.Name, Status: Done}
	err := p.craft(ctx, &s)
	cost := s.out.Cost
	j.out.Cost.add(cost)
	if j.out.Iters == 0 {
		j.out.Start = s.out.Start
	}
	j.out.Iters += s.out.Iters
	for _, w := range s.out.Warnings {
		j.warn("%s", w)
	}
	return &s, err
}

// take adopts the best point of a part, ordered by offer.
func (j *job) take(s *job) error {
	if s.best == nil {
		return nil
	}
	return j.offer(s.best, s.out.Value, s.out.Fooled)
}

type restarts struct {
	n int
	a *imagewise
}

func (c restarts) craft(ctx context.Context, j *job) error {
	for r := range c.n {
		s, err := j.sub(ctx, c.a, r)
		if e := j.take(s); e != nil {
			return e
		}
		if err != nil {
			return err
		}
		j.out.Status = s.out.Status
	}
	return nil
}

type cascade []*imagewise

func (c cascade) craft(ctx context.Context, j *job) error {
	if _, err := j.task.labels(j.index); err != nil {
		return fmt.Errorf("attack: cascade: %w", err)
	}
	judge, err := newProblem(ctx, j, Logits{Loss: "cw"}, lens{})
	if err != nil {
		return err
	}
	for _, a := range c {
		s, err := j.sub(ctx, a, 0)
		if e := j.judged(ctx, judge, s); e != nil {
			return e
		}
		if err != nil {
			return err
		}
		if j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
	}
	return nil
}

// judged adopts the best point of a part by the value of another objective.
func (j *job) judged(ctx context.Context, by *problem, s *job) error {
	if s.best == nil {
		return nil
	}
	v, err := by.value(ctx, s.best)
	if err != nil {
		return err
	}
	if err := j.checkFinite(v, nil, s.out.Iters); err != nil {
		return err
	}
	return j.offer(s.best, v, by.fooled())
}

type worstOf struct {
	by    Objective
	parts []*imagewise
}

func (c worstOf) craft(ctx context.Context, j *job) error {
	judge, err := newProblem(ctx, j, c.by, lens{})
	if err != nil {
		return err
	}
	for _, a := range c.parts {
		s, err := j.sub(ctx, a, 0)
		if e := j.judged(ctx, judge, s); e != nil {
			return e
		}
		if err != nil {
			return err
		}
	}
	return nil
}
