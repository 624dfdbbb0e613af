package attack

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Embedding compares the pooled embedding with a reference's. Untargeted it drives the embedding away
// from the clean image's; targeted it pulls it to that of Task.Images (AttackVLM-ii, Zhao et al.,
// arXiv 2305.16934) or to a vector of Task.Embeddings, such as a text's.
//
// Distance "cosine" has the value −cos(f(x+δ), ref), "l2" the squared distance ‖f(x+δ) − ref‖²;
// targeted changes the sign.
type Embedding struct {
	Distance string // "cosine" (default) or "l2"
	Target   string // "none" (default), "image", "embedding"
}

var _ = objectives.add("embedding", "distance of the pooled embedding from the clean one, or to a target (arXiv 2305.16934)",
	func(a *Args) Objective {
		return Embedding{a.Choice("distance", "cosine", "l2"), a.Choice("target", "none", "image", "embedding")}
	})

func (o Embedding) String() string {
	return expr("embedding", "distance", or(o.Distance, "cosine"), "target", or(o.Target, "none"))
}

// Bind implements Objective.
func (o Embedding) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	l := &embeddingLoss{l2: o.Distance == "l2", sign: 1, taps: []encoder.Tap{encoder.Embedding}}
	if spec.Embedding == 0 {
		return nil, fmt.Errorf("attack: %s has no pooled embedding; use an objective on tokens", spec.Name)
	}
	switch or(o.Target, "none") {
	case "image":
		t, ok := perImage(task.Images, i)
		if !ok {
			return nil, fmt.Errorf("attack: %s needs a target image (Task.Images)", o)
		}
		return &embeddingToImage{embeddingLoss{l2: l.l2, sign: -1, taps: l.taps}, t}, nil
	case "embedding":
		e, ok := perImage(task.Embeddings, i)
		if !ok {
			return nil, fmt.Errorf("attack: %s needs a target embedding (Task.Embeddings)", o)
		}
		if len(e) != spec.Embedding {
			return nil, fmt.Errorf("attack: the target embedding has %d values, %s makes %d", len(e), spec.Name, spec.Embedding)
		}
		l.sign, l.fixed = -1, true
		l.ref = tensor.New(tensor.WithShape(1, len(e)), tensor.WithBacking(append([]float32(nil), e...)))
	}
	return l, nil
}

type embeddingLoss struct {
	l2    bool
	sign  float64 // 1 away from the reference, −1 towards it
	fixed bool    // ref is a given vector
	taps  []encoder.Tap
	ref   *tensor.Dense
}

func (l *embeddingLoss) Taps() (adv, ref []encoder.Tap) {
	if l.fixed {
		return l.taps, nil
	}
	return l.taps, l.taps
}

func (l *embeddingLoss) Reference(ref []*tensor.Dense) error {
	if !l.fixed {
		l.ref = ref[0]
	}
	return nil
}

func (l *embeddingLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	var g *tensor.Dense
	if cot != nil {
		g = cot[0]
	}
	if !l.l2 {
		v, err := meanCosine(adv[0], l.ref, g, "all", 0, -l.sign)
		return -l.sign * v, err
	}
	return squaredDistance(floats(adv[0]), floats(l.ref), g, l.sign)
}

// squaredDistance returns scale·‖a−b‖² and writes its gradient at a.
func squaredDistance(a, b []float32, g *tensor.Dense, scale float64) (float64, error) {
	if len(a) != len(b) {
		return math.NaN(), fmt.Errorf("attack: activations of %d and %d values", len(a), len(b))
	}
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
		if g != nil {
			floats(g)[i] = float32(2 * scale * d)
		}
	}
	return scale * sum, nil
}

type embeddingToImage struct {
	embeddingLoss
	target *tensor.Dense
}

func (l *embeddingToImage) Target() *tensor.Dense { return l.target }
