package detect

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

// The score is a tap like any other: its value is Scores', its gradient Gradient's, and it adds to the others.
func TestExpose(t *testing.T) {
	e := defensetest.NewLinear(1)
	d := detectors(t)["token k-NN"]
	images := pictures(2, 1)
	tr, err := Expose(e, d).Trace(t.Context(), images, encoder.Embedding, Tap)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	scores, err := d.Scores(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	got := tr.Activation(1)
	if !got.Shape().Eq(tensor.Shape{2, 1}) || got.Data().([]float32)[1] != float32(scores[1]) {
		t.Errorf("tap %v, scores %v", got, scores)
	}
	both, err := tr.VJP(t.Context(), []*tensor.Dense{tr.Activation(0), tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float32{0, -3}))})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := e.Trace(t.Context(), images, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	own, err := plain.VJP(t.Context(), []*tensor.Dense{plain.Activation(0)})
	if err != nil {
		t.Fatal(err)
	}
	_, grad, err := d.Gradient(t.Context(), images[1])
	if err != nil {
		t.Fatal(err)
	}
	for b, factor := range []float32{0, -3} {
		sum := both[b].Data().([]float32)
		for i, v := range own[b].Data().([]float32) {
			if want := v + factor*grad.Data().([]float32)[i]; sum[i] != want {
				t.Fatalf("image %d value %d: %g, want %g", b, i, sum[i], want)
			}
		}
	}
}

// Steps down the exposed score lower it: the gradient is of use to an attack.
func TestDetectorAwareDescent(t *testing.T) {
	for name, d := range detectors(t) {
		e := Expose(defensetest.NewLinear(1), d)
		img := pictures(1, 9)[0]
		before, err := d.Scores(t.Context(), []*tensor.Dense{img})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			tr, err := e.Trace(t.Context(), []*tensor.Dense{img}, Tap)
			if err != nil {
				t.Fatal(err)
			}
			g, err := tr.VJP(t.Context(), []*tensor.Dense{tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float32{-1}))})
			if err != nil {
				t.Fatal(err)
			}
			pix := img.Data().([]float32)
			for i, v := range g[0].Data().([]float32) {
				switch {
				case v > 0:
					pix[i] += 0.002
				case v < 0:
					pix[i] -= 0.002
				}
			}
			tr.Close()
		}
		after, err := d.Scores(t.Context(), []*tensor.Dense{img})
		if err != nil || !(after[0] < before[0]) {
			t.Errorf("%s: %g before, %g after (%v)", name, before[0], after[0], err)
		}
	}
}
