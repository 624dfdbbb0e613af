package attack_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
)

// TestNeeds runs every attack, and some with other objectives, without any task and with one that holds what
// NeedsOf names and no more: the first fails exactly where something is needed, the second never.
func TestNeeds(t *testing.T) {
	enc := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	images := attacktest.Images(1, 1, 8, 8)
	protos, err := attack.BuildPrototypes(context.Background(), enc, attacktest.Images(8, 4, 8, 8), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"embedding(target=image)", "embedding(target=embedding)", "pa-attack(lambda=0)", "pgd(objective=match)",
		"mi(objective=sum(prm,ce))", "worst-of(prm,apgd-dlr)", "pgd(objective=dlr-t)", "square(objective=cw)", "gradient(objective=sum(match,embedding(target=image)))"}
	for _, e := range attack.List() {
		texts = append(texts, e.Name)
	}
	for _, text := range texts {
		a := mustParse(t, text)
		for _, p := range []string{"steps=1", "queries=3", "search=1", "n=1", "version=rand"} {
			if b, err := attack.With(a, p); err == nil {
				a = b
			}
		}
		need := attack.NeedsOf(a)
		var task attack.Task
		if need.Head {
			task.Head, task.Labels = attacktest.NewHead(1, encoder.Embedding, 5, 4), [][]int{{1}}
		}
		if need.Image {
			task.Images = attacktest.Images(77, 1, 8, 8)
		}
		if need.Embedding {
			task.Embeddings = [][]float32{{1, 0, 0, 0, 1}}
		}
		if need.Prototypes {
			task.Prototypes = protos
		}
		run := func(task attack.Task) error {
			_, err := a.Run(context.Background(), enc, images, threatFor(need), attack.WithTask(task))
			return err
		}
		if err := run(task); err != nil {
			t.Errorf("%s: %+v is not enough: %v", text, need, err)
		}
		something := need.Head || need.Image || need.Embedding || need.Prototypes
		if err := run(attack.Task{}); (err != nil) != something {
			t.Errorf("%s: needs %+v, and without anything the error is %v", text, need, err)
		}
	}
}

// threatFor returns a threat model that the attack is defined for.
func threatFor(n attack.Needs) attack.ThreatModel {
	switch n.Norms[0] {
	case attack.NormL2:
		return attack.L2(attack.NewRatio(1, 2))
	case attack.NormPatch:
		return attack.Patch(attack.NewRatio(1, 4))
	}
	return attack.Linf(attack.NewRatio(1, 1)) // which corruptions need
}
