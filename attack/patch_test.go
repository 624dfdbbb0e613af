package attack_test

import (
	"context"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// TestPatchFindsItsPlace: on a linear margin the best square has a closed form, and the search comes
// close to it.
func TestPatchFindsItsPlace(t *testing.T) {
	const h, w, side = 8, 9, 3
	enc := attacktest.NewLinear(7, h, w, 1, 3)
	head, weight := margin(enc, 3)
	img := attacktest.Smooth(3, 1, h, w)[0]
	x := img.Float32s()
	best, worst := 0.0, 1e9
	for y0 := 0; y0+side <= h; y0++ {
		for x0 := 0; x0+side <= w; x0++ {
			gain := 0.0
			for i, v := range weight {
				if p := i % (h * w); p/w >= y0 && p/w < y0+side && p%w >= x0 && p%w < x0+side {
					gain += max(v*(1-float64(x[i])), -v*float64(x[i]))
				}
			}
			best, worst = max(best, gain), min(worst, gain)
		}
	}
	start, _ := bind(t, attack.Logits{Loss: "cw"}, enc, attack.Task{Head: head, Labels: [][]int{{0}}}, img).at(img, false)
	r := run(t, "patch(objective=cw,stop=never,tries=40,steps=80)", enc, []*tensor.Dense{img}, attack.Patch(attack.NewRatio(9, h*w)), attack.Against(head, []int{0}))
	gain := r.Outcomes[0].Value - start
	if gain > best*(1+1e-6) || gain < worst+0.7*(best-worst) {
		t.Errorf("the patch gains %v; squares gain %v to %v at most", gain, worst, best)
	}
}

// TestUniversal: images that share one margin have one best perturbation, ε·sign(w).
func TestUniversal(t *testing.T) {
	enc := attacktest.NewLinear(7, 6, 5, 1, 3)
	head, w := margin(enc, 3)
	images := attacktest.Smooth(3, 5, 6, 5)
	tm := attack.Linf(attack.NewRatio(8, 255))
	r := run(t, "uap(objective=cw,steps=60,batch=2)", enc, images, tm, attack.Against(head, make([]int, 5)))
	for i, d := range r.Universal.Float32s() {
		if want := 8.0 / 255; (w[i] > 0 && float64(d) < want-1e-6) || (w[i] < 0 && float64(d) > -want+1e-6) {
			t.Fatalf("value %d of the perturbation is %v, the weight %v", i, d, w[i])
		}
	}
	again, err := attack.ApplyUniversal(r.Universal, images, tm)
	if err != nil {
		t.Fatal(err)
	}
	for i := range images {
		if !attacktest.Equal(again[i], r.Adv[i]) {
			t.Errorf("image %d is not the perturbed one", i)
		}
	}
	if err := attack.CheckUniversal(tm, images, r.Adv); err != nil {
		t.Error(err)
	}
	if err := attack.CheckUniversal(tm, images, run(t, "pgd(objective=cw,steps=1)", enc, images, tm, attack.Against(head, make([]int, 5))).Adv); err == nil {
		t.Error("perturbations of their own pass for one")
	}
	mixed := append(attacktest.Images(1, 1, 12, 7), images...)
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	r = run(t, "uap(steps=5)", vit, mixed, tm)
	attacktest.Inside(t, tm, mixed, r)
	if s := r.Universal.Shape(); s[1] != 8 || s[2] != 8 {
		t.Errorf("images of several sizes give a perturbation of %v", s)
	}
}

// TestEnsemble: an ensemble's objective is the mean of its members', each with its own layers.
func TestEnsemble(t *testing.T) {
	a, b := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5), attacktest.NewViT(2, 8, 8, 2, 4, 3, 7)
	both, err := attack.NewEnsemble(a, b)
	if err != nil {
		t.Fatal(err)
	}
	images := attacktest.Images(5, 2, 8, 8)
	tm := attack.Linf(attack.NewRatio(8, 255))
	r := run(t, "prm(steps=5)", both, images, tm)
	for i, x := range r.Adv {
		want := 0.0
		for _, enc := range []encoder.Encoder{a, b} {
			v, _ := bind(t, attack.PRM{}, enc, attack.Task{}, images[i]).at(x, false)
			want += v / 2
		}
		if d := r.Outcomes[i].Value - want; d > 1e-12 || d < -1e-12 {
			t.Errorf("image %d: value %v, mean of the members %v", i, r.Outcomes[i].Value, want)
		}
	}
	alone, err := attack.NewEnsemble(a)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range run(t, "prm(steps=5)", alone, images, tm).Adv {
		if !attacktest.Equal(x, run(t, "prm(steps=5)", a, images, tm).Adv[i]) {
			t.Errorf("image %d: an ensemble of one differs from its member", i)
		}
	}
	checkEnsembleTrace(t, both, a, b, images)
}

// checkEnsembleTrace compares the ensemble's own trace with its members'.
func checkEnsembleTrace(t *testing.T, both *attack.Ensemble, a, b encoder.Encoder, images []*tensor.Dense) {
	t.Helper()
	ctx := context.Background()
	tr, err := both.Trace(ctx, images, "1/stem", encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	one, _ := b.Trace(ctx, images, encoder.Stem)
	two, _ := a.Trace(ctx, images, encoder.Embedding)
	cot := []*tensor.Dense{one.Activation(0).Clone().(*tensor.Dense), two.Activation(0).Clone().(*tensor.Dense)}
	if !attacktest.Equal(tr.Activation(0), cot[0]) || !attacktest.Equal(tr.Activation(1), cot[1]) {
		t.Error("the ensemble's activations are not its members'")
	}
	g, err := tr.VJP(ctx, cot)
	if err != nil {
		t.Fatal(err)
	}
	g1, _ := one.VJP(ctx, cot[:1])
	g2, _ := two.VJP(ctx, cot[1:])
	for i := range g {
		for k, v := range g[i].Float32s() {
			if d := v - g1[i].Float32s()[k] - g2[i].Float32s()[k]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("image %d: the gradient is %v off the sum of the members'", i, d)
			}
		}
	}
	if _, err := both.Trace(ctx, images, "2/stem"); err == nil {
		t.Error("a member that is not there is no error")
	}
}
