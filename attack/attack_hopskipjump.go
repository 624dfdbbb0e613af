package attack

import (
	"context"
	"math"
	"math/rand/v2"
)

var _ = attacks.add("hopskipjump", "HopSkipJump: hard-label walk along the decision boundary (arXiv 1904.02144)", func(a *Args) Attack {
	s := hopSkipJump{steps: a.Int("steps", 20, 1), first: a.Int("first", 100, 1), most: a.Int("most", 10000, 1), tries: a.Int("tries", 100, 1)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: s.craft, check: needsNorm("hopskipjump", NormLinf, NormL2)}
})

// hopSkipJump is HopSkipJumpAttack (Chen et al., arXiv 1904.02144, alg. 2) for L∞ and L2: from a random
// image that fools the head, binary search to the boundary, estimate the normal there from the head's
// verdicts at random points nearby, jump along it, and repeat; the distance shrinks. It stops once the
// boundary point lies within ε.
type hopSkipJump struct {
	steps int
	first int // verdicts for the first normal; step t takes first·√t
	most  int
	tries int // random images to start from
}

// hopState is the walk on one image.
type hopState struct {
	ctx       context.Context
	j         *job
	p         *problem
	rng       *rand.Rand
	x, y, dir []float32
	sum, mean []float64
}

func (a hopSkipJump) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, Logits{Loss: "cw"}, lens{})
	if err != nil {
		return err
	}
	n := len(j.x0)
	s := &hopState{ctx: ctx, j: j, p: p, rng: j.rng(0), x: make([]float32, n), y: make([]float32, n), dir: make([]float32, n),
		sum: make([]float64, n), mean: make([]float64, n)}
	found, err := s.start(a.tries)
	if err != nil || !found {
		return err
	}
	for t := 1; ; t++ {
		if err := s.toBoundary(); err != nil {
			return err
		}
		if j.out.Fooled {
			j.out.Status = Succeeded
			return nil
		}
		if t > a.steps {
			return nil
		}
		if err := s.normal(a.probe(t, s), min(int(float64(a.first)*math.Sqrt(float64(t))), a.most)); err != nil {
			return err
		}
		if err := s.jump(t); err != nil {
			return err
		}
	}
}

// start looks for a random image that fools the head; the clean image and a random one stand in until
// there is a better answer.
func (s *hopState) start(tries int) (bool, error) {
	for k := range tries + 1 {
		for i := range s.x {
			s.x[i] = s.j.x0[i]
			if k > 0 {
				s.x[i] = s.rng.Float32()
			}
		}
		fooled, err := s.wrong(s.x, true)
		if err != nil || fooled {
			return fooled, err
		}
	}
	s.j.warn("no random image fools the head, so there is no boundary to walk along")
	return false, nil
}

// wrong asks the head about y; shown points also count as iterates.
func (s *hopState) wrong(y []float32, show bool) (bool, error) {
	v, err := s.p.query(s.ctx, y)
	if err != nil {
		return false, err
	}
	if fooled := s.p.fooled(); !show {
		return fooled, s.j.checkFinite(v, nil, s.j.out.Iters)
	} else {
		return fooled, s.j.presentInside(y, v, fooled, s.j.out.Iters)
	}
}

// distance from the clean image, in the threat model's norm.
func (s *hopState) distance() float64 {
	for i := range s.sum {
		s.sum[i] = float64(s.x[i]) - float64(s.j.x0[i])
	}
	return normOf(s.sum, s.j.tm.Norm)
}

// towards sets y to the point at a share of the way from the clean image to x: a blend for L2, a clip to
// that share of the distance for L∞.
func (s *hopState) towards(share, dist float64) {
	for i, c := range s.j.x0 {
		d := float64(s.x[i]) - float64(c)
		if s.j.tm.Norm == NormL2 {
			d *= share
		} else {
			d = min(max(d, -share*dist), share*dist)
		}
		s.y[i] = float32(float64(c) + d)
	}
}

// toBoundary moves x to the boundary by binary search, staying on the side that fools the head.
func (s *hopState) toBoundary() error {
	dist := s.distance()
	lo, hi := 0.0, 1.0
	for hi-lo > s.theta() {
		mid := (lo + hi) / 2
		s.towards(mid, dist)
		fooled, err := s.wrong(s.y, false)
		if err != nil {
			return err
		}
		if fooled {
			hi = mid
		} else {
			lo = mid
		}
	}
	s.towards(hi, dist)
	copy(s.x, s.y)
	_, err := s.wrong(s.x, true)
	return err
}

// theta is the relative precision of the binary search: n^(−3/2) for L2 and n^(−2) for L∞, at least 1e-6.
func (s *hopState) theta() float64 {
	n := float64(len(s.x))
	if s.j.tm.Norm == NormL2 {
		return max(math.Pow(n, -1.5), 1e-6)
	}
	return max(math.Pow(n, -2), 1e-6)
}

// probe is how far from the boundary the normal is probed.
func (a hopSkipJump) probe(t int, s *hopState) float64 {
	if t == 1 {
		return 0.1
	}
	n := float64(len(s.x))
	if s.j.tm.Norm == NormL2 {
		return max(math.Sqrt(n)*s.theta()*s.distance(), 1e-4)
	}
	return max(n*s.theta()*s.distance(), 1e-4)
}

// normal estimates the direction away from the right class at x from verdicts at random points.
func (s *hopState) normal(radius float64, count int) error {
	clear(s.sum)
	clear(s.mean)
	votes := 0.0
	for range count {
		length := 0.0
		for i := range s.dir {
			u := s.rng.NormFloat64()
			if s.j.tm.Norm == NormLinf {
				u = uniform(s.rng)
			}
			s.dir[i] = float32(u)
			length += u * u
		}
		length = math.Sqrt(length)
		for i, v := range s.x {
			s.y[i] = min(max(float32(float64(v)+radius/length*float64(s.dir[i])), 0), 1)
		}
		fooled, err := s.wrong(s.y, false)
		if err != nil {
			return err
		}
		vote := -1.0
		if fooled {
			vote = 1
		}
		votes += vote / float64(count)
		for i, v := range s.x {
			d := float64(s.y[i]) - float64(v)
			s.sum[i] += vote * d
			s.mean[i] += d
		}
	}
	if math.Abs(votes) < 1 { // subtracting the mean lowers the variance
		for i := range s.sum {
			s.sum[i] -= votes * s.mean[i]
		}
	}
	for i, v := range s.sum {
		s.dir[i] = float32(v)
	}
	s.j.ball.Restrict(s.dir)
	return nil
}

// jump steps along the normal as far as the head stays fooled, starting at distance/√t.
func (s *hopState) jump(t int) error {
	size := s.distance() / math.Sqrt(float64(t))
	step := newSteepest(s.j.tm, len(s.x))
	for range 30 {
		copy(s.y, s.x)
		step.move(s.y, s.dir, size)
		for i, v := range s.y {
			s.y[i] = min(max(v, 0), 1)
		}
		fooled, err := s.wrong(s.y, false)
		if err != nil {
			return err
		}
		if fooled {
			copy(s.x, s.y)
			return nil
		}
		size /= 2
	}
	return nil
}
