package attack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

// inNorms holds a budget of every norm that leaves an 8×8 image room.
var inNorms = map[attack.Norm]attack.Ratio{
	attack.NormLinf: attack.NewRatio(8, 255), attack.NormL2: attack.NewRatio(1, 2), attack.NormL1: attack.NewRatio(3, 1),
	attack.NormL0: attack.NewRatio(5, 1), attack.NormPatch: attack.NewRatio(1, 9),
}

// TestEveryNorm runs every attack of the conformance lists under every norm it is defined for, with and without a
// mask: whatever it hands out lies inside, also once rounded to 8 bits, and no image fails.
func TestEveryNorm(t *testing.T) {
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	images := attacktest.Images(1, 2, 8, 8)
	options := withTask(vit, t)(images)
	mask, err := attack.NewMask(8, 8)
	if err != nil {
		t.Fatal(err)
	}
	mask.AllowRect(1, 0, 7, 5)
	for _, text := range append(append(conforming, conformingL2...), conformingPatch...) {
		a := mustParse(t, text)
		for _, norm := range attack.NeedsOf(a).Norms {
			if norm != attack.NormLinf && strings.Contains(text, "dist=sign") {
				continue // corners of the L∞ ball
			}
			for _, masks := range [][]*attack.Mask{nil, {mask}} {
				tm := attack.ThreatModel{Norm: norm, Eps: inNorms[norm], Masks: masks}
				r, err := a.Run(context.Background(), vit, images, tm, options...)
				name := fmt.Sprintf("%s under %s", text, tm)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				attacktest.Inside(t, tm, images, r)
				for _, o := range r.Outcomes {
					if o.Err != nil {
						t.Errorf("%s: %v", name, o.Err)
					}
				}
				if t.Failed() {
					t.Fatalf("the first failure is %s", name)
				}
			}
		}
	}
}
