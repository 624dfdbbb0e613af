package attack

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
)

var (
	_ = attacks.add("uap", "one perturbation for all images, by momentum sign steps on the mean objective (after X-Transfer, arXiv 2505.05528)", func(a *Args) Attack {
		return newUniversal(a, 0)
	})
	_ = attacks.add("uap-ensemble", "uap on a few surrogates of an ensemble at a time, chosen by an upper-confidence bandit (X-Transfer, arXiv 2505.05528)", func(a *Args) Attack {
		return newUniversal(a, a.Int("k", 4, 1))
	})
)

// universal seeks one L∞ perturbation that serves for all images. Every step takes the next batch of
// images, in an order that depends on their contents only, and moves the perturbation along the sign of
// the mean gradient with momentum. Where sizes differ the perturbation lives at the encoder's input size
// and is resized bilinearly, which keeps it within ε.
//
// With arms (X-Transfer, Huang et al., arXiv 2505.05528) each step uses only the k surrogates with the
// largest upper confidence bound r̄ + √(2 ln t/n), where a surrogate's reward is the mean objective left to
// gain, mapped to [0,1] by 1/(1+e^v): the bandit turns to the surrogates that resist.
type universal struct {
	text      string
	label     string
	objective Objective
	steps     int
	alpha     Size
	mu        float64
	batch     int
	seed      uint64
	arms      int // 0: all members at once
}

func newUniversal(a *Args, arms int) Attack {
	u := &universal{label: a.name, objective: a.Objective("objective", "embedding"), steps: a.Int("steps", 200, 1), alpha: a.Size("alpha", "eps/20"),
		mu: a.Float("mu", 0.9, 0, 1), batch: a.Int("batch", 16, 1), seed: a.Seed(), arms: arms}
	u.text = a.String()
	return u
}

func (u *universal) String() string { return u.text }

// search is one run.
type search struct {
	*universal
	run   *run
	order []int // images that can be used, in the order of their contents
	h, w  int   // of the perturbation
	delta []float32
	m     []float32
	g     []float32
	rng   *rand.Rand
	arms  bandit
	yield func(Step) bool
	cost  Cost
}

// prepare checks the images and draws the start.
func (u *universal) prepare(r *run) (*search, error) {
	if r.tm.Norm != NormLinf {
		return nil, fmt.Errorf("attack: %s is defined for L∞, not %s", u.label, r.tm)
	}
	s := &search{universal: u, run: r}
	keys := make(map[int]uint64)
	for i, img := range r.images {
		out := &r.result.Outcomes[i]
		*out = Outcome{Name: r.set.name(i), Status: Done}
		r.result.Adv[i] = img
		x, h, w, err := pixels(img)
		if err == nil {
			_, err = r.tm.Ball(i, img)
		}
		if err != nil {
			out.Status, out.Err = Failed, fmt.Errorf("%s: %w", out.Name, err)
			out.Warnings = []string{out.Err.Error()}
			continue
		}
		if len(s.order) == 0 {
			s.h, s.w = h, w
		} else if s.h != h || s.w != w {
			s.h, s.w = -1, -1
		}
		s.order = append(s.order, i)
		keys[i] = stream(0, x, h, w, "order", 0).Uint64()
	}
	if len(s.order) == 0 {
		return nil, fmt.Errorf("attack: %s: no image can be used", u.label)
	}
	if s.h < 0 {
		s.h, s.w = r.enc.Spec().ImageSize[0], r.enc.Spec().ImageSize[1]
	}
	sortByKey(s.order, keys)
	n := 3 * s.h * s.w
	s.delta, s.m, s.g = make([]float32, n), make([]float32, n), make([]float32, n)
	s.rng = s.seedStream(keys)
	for i := range s.delta {
		s.delta[i] = float32(r.tm.Eps.Float() * uniform(s.rng))
	}
	return s, nil
}

// seedStream keys the random numbers by the contents of all images.
func (s *search) seedStream(keys map[int]uint64) *rand.Rand {
	var sum []byte
	for _, i := range s.order {
		sum = binary.LittleEndian.AppendUint64(sum, keys[i])
	}
	return stream(s.seed, nil, 0, 0, s.label+string(sum), s.run.set.restart)
}

// loop runs all steps.
func (s *search) loop(ctx context.Context) error {
	members := s.members()
	s.arms = newBandit(len(members), s.universal.arms)
	alpha := s.alpha.At(s.run.tm.Eps)
	eps := float32(s.run.tm.Eps.Float())
	for t, at := 0, 0; t < s.steps; t++ {
		batch := make([]int, min(s.batch, len(s.order)))
		for k := range batch {
			batch[k] = s.order[(at+k)%len(s.order)]
		}
		at = (at + len(batch)) % len(s.order)
		used, err := s.gradient(ctx, members, batch, t)
		if err != nil {
			return err
		}
		if used == 0 {
			return nil
		}
		accumulate(s.m, s.g, s.mu)
		moveSign(s.delta, s.m, alpha)
		for i, d := range s.delta {
			s.delta[i] = min(max(d, -eps), eps)
		}
	}
	return nil
}

// members returns the surrogates.
func (s *search) members() []encoder.Encoder {
	if e, ok := s.run.enc.(*Ensemble); ok {
		return e.members
	}
	return []encoder.Encoder{s.run.enc}
}

// bandit chooses arms by upper confidence bounds.
type bandit struct {
	k     int
	n     []int
	total []float64
	t     int
}

func newBandit(arms, k int) bandit {
	if k == 0 || k > arms {
		k = arms
	}
	return bandit{k: k, n: make([]int, arms), total: make([]float64, arms)}
}

// choose returns the k arms with the largest bounds, untried ones first, in rising order.
func (b *bandit) choose() []int {
	b.t++
	bound := func(i int) float64 {
		if b.n[i] == 0 {
			return math.Inf(1)
		}
		return b.total[i]/float64(b.n[i]) + math.Sqrt(2*math.Log(float64(b.t))/float64(b.n[i]))
	}
	chosen := make([]bool, len(b.n))
	for range b.k {
		best := -1
		for i := range b.n {
			if !chosen[i] && (best < 0 || bound(i) > bound(best)) {
				best = i
			}
		}
		chosen[best] = true
	}
	var list []int
	for i, c := range chosen {
		if c {
			list = append(list, i)
		}
	}
	return list
}

// reward records what remains to be gained from an arm.
func (b *bandit) reward(i int, value float64) {
	b.n[i]++
	b.total[i] += 1 / (1 + math.Exp(value))
}
