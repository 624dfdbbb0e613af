package attack

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
)

var _ = attacks.add("square", "Square Attack: random squares, no gradient; on the head's margin or the embedding (arXiv 1912.00049)", func(a *Args) Attack {
	s := square{objective: a.Objective("objective", "auto"), queries: a.Int("queries", 5000, 1), p: a.Float("p", 0.8, 1e-6, 1),
		stop: a.Choice("stop", "fooled", "never") == "fooled"}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: s.craft, check: s.check}
})

// square is the Square Attack (Andriushchenko et al., arXiv 1912.00049). Under L∞ it starts from vertical
// stripes of ±ε and tries to set random squares of a shrinking side to ±ε per channel, keeping what
// raises the objective. Under the other norms it starts at a random point, adds random squares and
// projects: the same search, but not the paper's L2 version with its mass-moving windows.
type square struct {
	objective Objective
	queries   int
	p         float64 // first share of pixels in a square
	stop      bool
}

func (a square) check(_ encoder.Encoder, _ ThreatModel, _ *settings) error {
	if a.queries < 1 {
		return fmt.Errorf("attack: square: %d queries", a.queries)
	}
	return nil
}

func (a square) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, a.objective, lens{})
	if err != nil {
		return err
	}
	rng := j.rng(0)
	best, x := append([]float32(nil), j.x0...), make([]float32, len(j.x0))
	a.start(j, best, rng)
	value := math.Inf(-1)
	copy(x, best)
	for q := range a.queries {
		if q > 0 {
			copy(x, best)
			a.propose(j, x, a.side(q, j.h, j.w), rng)
		}
		v, err := p.query(ctx, x)
		if err != nil {
			return err
		}
		if v > value {
			value = v
			copy(best, x)
		}
		if err := j.visit(x, v, p.fooled(), 0, q); err != nil {
			return err
		}
		if a.stop && j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
	}
	return nil
}

// start makes vertical stripes under L∞, and a random point otherwise.
func (a square) start(j *job, x []float32, rng *rand.Rand) {
	if j.tm.Norm != NormLinf {
		j.ball.Sample(x, rng)
		return
	}
	eps := float32(j.tm.Eps.Float())
	for c := range 3 {
		for col := range j.w {
			s := eps * coin(rng)
			for row := range j.h {
				x[(c*j.h+row)*j.w+col] += s
			}
		}
	}
	j.ball.Project(x)
}

// coin returns ±1.
func coin(rng *rand.Rand) float32 { return float32(1 - 2*int(rng.Uint64()>>63)) }

// propose adds a square of random sign per channel: 2ε under L∞, so that projection sets the square to
// ±ε of the clean image, and random strength up to the pixel range otherwise.
func (a square) propose(j *job, x []float32, side int, rng *rand.Rand) {
	h, w := min(side, j.h), min(side, j.w)
	y0, x0 := rng.IntN(j.h-h+1), rng.IntN(j.w-w+1)
	for c := range 3 {
		step := 2 * float32(j.tm.Eps.Float()) * coin(rng)
		if j.tm.Norm != NormLinf {
			step = coin(rng) * float32(rng.Float64())
		}
		for row := y0; row < y0+h; row++ {
			for col := x0; col < x0+w; col++ {
				x[(c*j.h+row)*j.w+col] += step
			}
		}
	}
	j.ball.Project(x)
}

// side is the square's side at a query: √(share·h·w), the share halved at fixed query counts.
func (a square) side(q, h, w int) int {
	share := a.p
	for _, at := range []int{10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000} {
		if q > at {
			share /= 2
		}
	}
	return max(int(math.Round(math.Sqrt(share*float64(h*w)))), 1)
}
