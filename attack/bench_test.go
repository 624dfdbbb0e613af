package attack_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

// BenchmarkStep measures what an attack adds to the encoder: PRM's loss, momentum and projection on an
// encoder of one small matrix.
func BenchmarkStep(b *testing.B) {
	enc := attacktest.NewLinear(1, 32, 32, 4, 8)
	images := attacktest.Images(1, 1, 32, 32)
	a := mustParse(b, "gradient(objective=prm(layers=stem),step=mi,steps=100)")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Run(context.Background(), enc, images, attack.Linf(attack.NewRatio(8, 255)), attack.Workers(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProject measures the projections at 224×224.
func BenchmarkProject(b *testing.B) {
	clean, far := attacktest.Images(1, 1, 224, 224)[0], attacktest.Images(2, 1, 224, 224)[0]
	for _, tm := range []attack.ThreatModel{attack.Linf(attack.NewRatio(8, 255)), attack.L2(attack.NewRatio(3, 1)), attack.L1(attack.NewRatio(200, 1)), attack.L0(attack.NewRatio(500, 1)), attack.Patch(attack.NewRatio(1, 20))} {
		b.Run("norm="+string(tm.Norm), func(b *testing.B) {
			ball, err := tm.Ball(0, clean)
			if err != nil {
				b.Fatal(err)
			}
			x := make([]float32, 3*224*224)
			for b.Loop() {
				copy(x, far.Float32s())
				ball.Project(x)
			}
		})
	}
}
