package attack_test

import (
	"context"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"gorgonia.org/tensor"
)

// TestStarts: what Auto-PGD hands out is never weaker than a point it was given to start from, and a point outside
// the threat model is an error of that image.
func TestStarts(t *testing.T) {
	enc := attacktest.NewViT(3, 12, 12, 4, 8, 2, 16)
	images := attacktest.Smooth(3, 2, 12, 12)
	tm := attack.Linf(ratio(t, 0.1))
	good := run(t, "apgd(steps=40,objective=prm,seed=3)", enc, images, tm)
	starts := [][]*tensor.Dense{{images[0], good.Adv[0]}, {good.Adv[1]}}
	from := run(t, "apgd(steps=1,objective=prm)", enc, images, tm, attack.Starts(starts))
	plain := run(t, "apgd(steps=1,objective=prm)", enc, images, tm)
	for i := range images {
		if from.Outcomes[i].Value < good.Outcomes[i].Value {
			t.Errorf("image %d: %v from a start of %v", i, from.Outcomes[i].Value, good.Outcomes[i].Value)
		}
		if plain.Outcomes[i].Value >= good.Outcomes[i].Value {
			t.Errorf("image %d: one step from a random start reaches %v, as 40 do", i, plain.Outcomes[i].Value)
		}
	}
	attacktest.Inside(t, tm, images, from)
	far := attacktest.Smooth(9, 1, 12, 12)
	out, err := mustParse(t, "apgd(steps=1,objective=prm)").Run(context.Background(), enc, images, tm, attack.Starts([][]*tensor.Dense{far, nil}))
	if err != nil || out.Outcomes[0].Status != attack.Failed || !strings.Contains(out.Outcomes[0].Err.Error(), "start 0") || out.Outcomes[1].Status != attack.Done {
		t.Errorf("a start outside the threat model: %v, %+v", err, out.Outcomes)
	}
	if _, err := mustParse(t, "apgd").Run(context.Background(), enc, images, tm, attack.Starts(starts[:1])); err == nil {
		t.Error("starts of one image for two")
	}
}
