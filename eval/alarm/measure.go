package alarm

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Config says what is measured. All but Weights, Seed, Workers and Progress are required.
type Config struct {
	Encoder   encoder.Encoder
	Classify  func(ctx context.Context, images []*tensor.Dense) ([]int, error) // the system that is watched
	Detectors []*detect.Detector
	Calibrate []*tensor.Dense // clean pictures that set thresholds; others than the detectors were built from
	Images    []*tensor.Dense // clean pictures that are attacked
	Labels    []int           // their classes
	Objective attack.Objective
	Threat    attack.ThreatModel
	Steps     int       // of every attack
	Weights   []float64 // of evasion beside the objective, tried one after the other; defaults to 0.1, 1, 10
	Seed      uint64
	Workers   int                   // images at once; 0 for GOMAXPROCS
	Progress  func(done, total int) // may be nil
}

// fprs are the false-positive rates at which detectors are judged; the last one is where "unnoticed" is decided.
var fprs = [2]float64{0.01, 0.05}

func (c Config) validate() error {
	switch {
	case c.Encoder == nil || c.Classify == nil || c.Objective == nil:
		return errors.New("alarm: encoder, system and objective are required")
	case len(c.Detectors) == 0:
		return errors.New("alarm: no detector")
	case len(c.Images) == 0 || len(c.Labels) != len(c.Images):
		return fmt.Errorf("alarm: %d images with %d labels", len(c.Images), len(c.Labels))
	case len(c.Calibrate) < 2:
		return fmt.Errorf("alarm: %d clean pictures to take thresholds from", len(c.Calibrate))
	case c.Steps < 1:
		return fmt.Errorf("alarm: %d steps", c.Steps)
	}
	return c.Threat.Validate(len(c.Images))
}

// Measure attacks all images once without knowledge of any detector, then once for every detector and weight with it. Of
// the aware attempts each image keeps the one that serves the attacker best: wrong and unnoticed before wrong before the
// rest, and among equals the least suspicious.
func Measure(ctx context.Context, c Config) ([]Row, error) {
	if c.Weights == nil {
		c.Weights = []float64{0.1, 1, 10}
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	m := meter{Config: c, total: 1 + len(c.Detectors)*len(c.Weights)}
	plain, err := m.attack(ctx, c.Encoder, c.Objective)
	if err != nil {
		return nil, err
	}
	clean, err := m.shown(ctx, c.Images)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, d := range c.Detectors {
		r, err := m.row(ctx, d, clean, plain)
		if err != nil {
			return nil, fmt.Errorf("alarm: %s: %w", d, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// meter is one call of Measure.
type meter struct {
	Config
	done, total int
}

// set is pictures with the system's verdict on them.
type set struct {
	images []*tensor.Dense
	wrong  []bool
	scores []float64 // of one detector
}

// shown asks the system about pictures.
func (m *meter) shown(ctx context.Context, images []*tensor.Dense) (set, error) {
	labels, err := m.Classify(ctx, images)
	if err != nil {
		return set{}, err
	}
	s := set{images: images, wrong: make([]bool, len(images))}
	for i, l := range labels {
		s.wrong[i] = l != m.Labels[i]
	}
	return s, nil
}

// attack crafts all images for an objective, rounds them to 8 bits and shows them to the system.
func (m *meter) attack(ctx context.Context, enc encoder.Encoder, o attack.Objective) (set, error) {
	g := attack.Gradient{Name: "alarm", Objective: o, Iters: m.Steps, Alpha: attack.Size{Factor: attack.NewRatio(1, 1), OfEps: true},
		Step: attack.Momentum{Mu: 0.75}, Schedule: attack.Linear{End: 0.05}, Seed: m.Seed}
	var opts []attack.Option
	if m.Workers > 0 {
		opts = append(opts, attack.Workers(m.Workers))
	}
	res, err := g.Run(ctx, enc, m.Images, m.Threat, opts...)
	if err != nil {
		return set{}, err
	}
	out := make([]*tensor.Dense, len(m.Images))
	for i, x := range m.Images {
		if o := res.Outcomes[i]; o.Err != nil {
			return set{}, fmt.Errorf("image %d: %w", i, o.Err)
		}
		if out[i], err = attack.Quantize(m.Threat, i, x, res.Adv[i]); err != nil {
			return set{}, fmt.Errorf("image %d: %w", i, err)
		}
	}
	m.done++
	if m.Progress != nil {
		m.Progress(m.done, m.total)
	}
	return m.shown(ctx, out)
}

// row judges one detector on the clean, the attacked and the aware pictures.
func (m *meter) row(ctx context.Context, d *detect.Detector, clean, plain set) (Row, error) {
	r := Row{Detector: d.String()}
	usual, err := d.Scores(ctx, m.Calibrate)
	if err != nil {
		return r, err
	}
	var limits [len(fprs)]float64
	for k, fpr := range fprs {
		if limits[k], err = defense.Threshold(usual, fpr); err != nil {
			return r, err
		}
	}
	if clean.scores, err = d.Scores(ctx, clean.images); err != nil {
		return r, err
	}
	if plain.scores, err = d.Scores(ctx, plain.images); err != nil {
		return r, err
	}
	scale := stat.StdDev(usual, nil)
	if !(scale > 0) {
		scale = 1
	}
	aware, err := m.aware(ctx, d, evade{limits[len(fprs)-1], scale})
	if err != nil {
		return r, err
	}
	if r.Clean, err = outcome(clean, clean, limits); err != nil {
		return r, err
	}
	if r.Plain, err = outcome(plain, clean, limits); err != nil {
		return r, err
	}
	r.Aware, err = outcome(aware, clean, limits)
	return r, err
}

// aware attacks system and detector together.
func (m *meter) aware(ctx context.Context, d *detect.Detector, e evade) (set, error) {
	var best set
	for _, w := range m.Weights {
		s, err := m.attack(ctx, detect.Expose(m.Encoder, d), attack.Sum{Parts: []attack.Objective{m.Objective, e}, Weights: []float64{1, w}})
		if err != nil {
			return best, err
		}
		if s.scores, err = d.Scores(ctx, s.images); err != nil {
			return best, err
		}
		if best.images == nil {
			best = s
			continue
		}
		for i := range s.images {
			if better(s, best, i, e.limit) {
				best.images[i], best.wrong[i], best.scores[i] = s.images[i], s.wrong[i], s.scores[i]
			}
		}
	}
	return best, nil
}

// better reports whether image i of a serves an attacker more than that of b.
func better(a, b set, i int, limit float64) bool {
	rank := func(s set) int {
		switch {
		case s.wrong[i] && s.scores[i] <= limit:
			return 2
		case s.wrong[i]:
			return 1
		}
		return 0
	}
	if x, y := rank(a), rank(b); x != y {
		return x > y
	}
	return a.scores[i] < b.scores[i] && !math.IsNaN(a.scores[i])
}
