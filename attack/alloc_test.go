package attack_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

// TestNoAllocationPerStep compares a short run with a long one on an encoder that allocates nothing.
func TestNoAllocationPerStep(t *testing.T) {
	enc := attacktest.NewLinear(1, 6, 6, 2, 3)
	images := attacktest.Images(1, 1, 6, 6)
	tm := attack.Linf(attack.NewRatio(8, 255))
	for _, kind := range []string{"pgd(", "gradient(objective=prm(layers=stem),step=mi,", "gradient(objective=prm(layers=stem),step=ni,", "gradient(objective=prm(layers=stem),step=velocity,"} {
		count := func(steps string) float64 {
			a := mustParse(t, kind+"steps="+steps+")")
			return testing.AllocsPerRun(5, func() {
				if _, err := a.Run(context.Background(), enc, images, tm, attack.Workers(1)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if short, long := count("10"), count("210"); long-short > 20 {
			t.Errorf("%s): 200 more steps allocate %v times more", kind, long-short)
		}
	}
}
