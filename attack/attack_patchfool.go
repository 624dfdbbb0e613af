package attack

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

var _ = attacks.add("patch-fool", "Patch-Fool: a patch over the token that receives most attention, drawing more to itself (arXiv 2203.08392)", func(a *Args) Attack {
	p := patchFool{patchAttack: patchAttack{objective: a.Objective("objective", "auto"), steps: a.Int("steps", 100, 1), alpha: a.Size("alpha", "0.05"),
		mu: a.Float("mu", 0.9, 0, 10), stop: a.Choice("stop", "fooled", "never") == "fooled"}, block: a.Int("block", -1, -1), weight: a.Float("weight", 0.5, 0, 1e3)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: p.craft, check: needsNorm("patch-fool", NormPatch)}
})

// patchFool is Patch-Fool (Fu et al., arXiv 2203.08392): the square lies over the patch that receives
// most attention in one block (by default the middle one) from all tokens and heads, and its content
// maximises the objective plus Weight times the share of attention that patch receives in all blocks.
// The paper adds 0.002 times the sum over queries per block and orthogonalises the two gradients; here it
// is one objective with a mean.
type patchFool struct {
	patchAttack
	block  int
	weight float64
}

func (a patchFool) craft(ctx context.Context, j *job) error {
	free := j.ball.(*patchBall)
	spec := j.enc.Spec()
	token, err := a.busiest(ctx, j, spec)
	if err != nil {
		return err
	}
	o := Sum{[]Objective{a.objective, Attention{Token: token, Blocks: "all"}}, []float64{1, a.weight}}
	p, err := newProblem(ctx, j, o, lens{})
	if err != nil {
		return err
	}
	s := &patchSearch{patchAttack: a.patchAttack, ctx: ctx, j: j, p: p, x: append([]float32(nil), j.x0...), y: make([]float32, len(j.x0)), rng: j.rng(0)}
	at := Corner{
		min(max((2*(token/spec.Grid[1])+1)*j.h/(2*spec.Grid[0])-free.side/2, 0), j.h-free.side),
		min(max((2*(token%spec.Grid[1])+1)*j.w/(2*spec.Grid[1])-free.side/2, 0), j.w-free.side),
	}
	if j.tm.At != nil {
		at = *j.tm.At
	}
	if err := s.fix(free, at); err != nil {
		return err
	}
	s.ball.Sample(s.x, s.rng)
	return s.optimise(free)
}

// busiest returns the patch that receives most attention at the clean image.
func (a patchFool) busiest(ctx context.Context, j *job, spec encoder.Spec) (int, error) {
	b := a.block
	if b < 0 {
		b = spec.Depth / 2
	}
	if b >= spec.Depth || spec.Heads < 1 || spec.Grid[0]*spec.Grid[1] != spec.Tokens-spec.Prefix() || spec.Grid[1] < 1 {
		return 0, fmt.Errorf("attack: patch-fool: %s has no attention of a patch grid in block %d", spec.Name, b)
	}
	tr, err := j.enc.Trace(ctx, []*tensor.Dense{j.clean}, encoder.Queries(b), encoder.Keys(b))
	if err != nil {
		return 0, err
	}
	defer tr.Close()
	j.out.Cost.Forwards++
	q, k := tr.Activation(0), tr.Activation(1)
	t, d := q.Shape()[1], q.Shape()[2]
	best, token := -1.0, 0
	for n := range t - spec.Prefix() {
		l := attentionLoss{heads: spec.Heads, token: n + spec.Prefix()}
		if v := l.block(floats(q), floats(k), nil, nil, t, d, 1); v > best {
			best, token = v, n
		}
	}
	return token, nil
}
