package eval

import (
	"context"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/defense/certify"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// victim is a zero-shot head on a small random transformer, with its test images.
type victim struct {
	enc  encoder.Encoder
	head attack.Classifier
	data *dataset.Dataset
	all  []*dataset.Sample
}

func newVictim(t *testing.T, images int) victim {
	t.Helper()
	enc, data := attacktest.NewViT(3, side, side, 4, 8, 2, 16), textures(images)
	zero, err := head.NewZeroShot("zero-shot", classMeans(t, enc, data), 10)
	if err != nil {
		t.Fatal(err)
	}
	v := victim{enc: enc, head: firstClassifier([]HeadSystem{{Head: zero}}, data), data: data}
	var problems []error
	if v.all, problems = data.LoadAll(t.Context()); len(problems) > 0 {
		t.Fatal(problems[0])
	}
	return v
}

// classify is the base classifier that certificates stand on.
func (v victim) classify(ctx context.Context, images []*tensor.Dense) ([]int, error) {
	labels := make([]int, len(images))
	for i, im := range images {
		acts, err := encoder.Activations(ctx, v.enc, []*tensor.Dense{im}, v.head.Taps()...)
		if err != nil {
			return nil, err
		}
		logits, err := v.head.Logits(nil, acts)
		if err != nil {
			return nil, err
		}
		for k, x := range logits {
			if x > logits[labels[i]] {
				labels[i] = k
			}
		}
	}
	return labels, nil
}

// attacked runs an attack on one image with knowledge of encoder, head and label.
func (v victim) attacked(t *testing.T, text string, i int, threat attack.ThreatModel) *tensor.Dense {
	t.Helper()
	a, err := attack.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := v.all[i]
	res, err := a.Run(t.Context(), v.enc, []*tensor.Dense{s.Image}, threat, attack.Against(v.head, []int{s.Label}))
	if err != nil {
		t.Fatal(err)
	}
	if o := res.Outcomes[0]; o.Err != nil {
		t.Fatalf("%s: %v", text, o.Err)
	}
	return res.Adv[0]
}

// No attack of the suite changes a smoothed label inside its certified radius; far outside they do, so that the test
// would see it. A certificate is wrong with probability α = 10⁻⁴, which the fixed seed decides once.
func TestNoAttackSucceedsInsideASmoothingCertificate(t *testing.T) {
	v := newVictim(t, 9)
	s := certify.Smoothing{Sigma: 0.15, N0: 40, N: 300, Alpha: 1e-4, Seed: 1}
	attacks := []string{"apgd-ce(steps=20,stop=never)", "apgd-dlr(steps=20,stop=never)", "pgd(objective=cw,steps=20)", "prm(steps=20)",
		"embedding(steps=20)", "square(queries=100,stop=never)", "noise(draws=20)"}
	certified, broken := 0, 0
	for i := range v.all {
		c, err := s.Certify(t.Context(), v.classify, v.all[i].Image)
		if err != nil {
			t.Fatal(err)
		}
		if c.Label == certify.Abstain {
			continue
		}
		certified++
		for _, text := range attacks {
			inside := attack.L2(attack.NewRatio(int64(c.Radius*9999), 10000))
			if l, err := s.Predict(t.Context(), v.classify, v.attacked(t, text, i, inside)); err != nil || l != c.Label && l != certify.Abstain {
				t.Errorf("%s changes image %d from %d to %d inside its radius %.3f (error %v)", text, i, c.Label, l, c.Radius, err)
			}
		}
		outside := attack.L2(attack.NewRatio(3, 1))
		if l, err := s.Predict(t.Context(), v.classify, v.attacked(t, attacks[0], i, outside)); err == nil && l != c.Label && l != certify.Abstain {
			broken++
		}
	}
	if certified < 5 || broken == 0 {
		t.Errorf("%d of %d images certified, %d broken at radius 3: the test shows nothing", certified, len(v.all), broken)
	}
}

// No patch of the certified size changes a label that double masking certified; without the masks patches do.
func TestNoPatchSucceedsInsideADoubleMaskCertificate(t *testing.T) {
	v := newVictim(t, 12)
	d := certify.DoubleMask{Patch: 2, Masks: 4, Fill: [3]float32{0.5, 0.5, 0.5}}
	threat := attack.Patch(attack.NewRatio(4, side*side)) // 2×2 pixels
	certified, broken := 0, 0
	for i, s := range v.all {
		ok, err := d.Certify(t.Context(), v.classify, s.Image, s.Label)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"patch(steps=40,tries=16)", "patch-fool(steps=40)"} {
			adv := v.attacked(t, text, i, threat)
			if plain, err := v.classify(t.Context(), []*tensor.Dense{adv}); err != nil {
				t.Fatal(err)
			} else if plain[0] != s.Label {
				broken++
			}
			if !ok {
				continue
			}
			if l, how, err := d.Predict(t.Context(), v.classify, adv); err != nil || l != s.Label {
				t.Errorf("%s changes certified image %d from %d to %d (%s; error %v)", text, i, s.Label, l, how, err)
			}
		}
		if ok {
			certified++
		}
	}
	if certified == 0 || broken == 0 {
		t.Errorf("%d of %d images certified, %d undefended labels broken: the test shows nothing", certified, len(v.all), broken)
	}
}
