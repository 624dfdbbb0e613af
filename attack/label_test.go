package attack_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

func run(t testing.TB, text string, enc encoder.Encoder, images []*tensor.Dense, tm attack.ThreatModel, opts ...attack.Option) *attack.Result {
	t.Helper()
	r, err := mustParse(t, text).Run(context.Background(), enc, images, tm, opts...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// TestBoundary: on a linear two-class head the distance to the boundary is known in every norm, so that
// attacks must fool the head just beyond it and cannot just before.
func TestBoundary(t *testing.T) {
	enc := attacktest.NewLinear(7, 6, 5, 1, 3)
	head, w := margin(enc, 3)
	img := attacktest.Smooth(3, 1, 6, 5)[0]
	value, _ := bind(t, attack.Logits{Loss: "cw"}, enc, attack.Task{Head: head, Labels: [][]int{{0}}}, img).at(img, false)
	label, dist := 0, math.Abs(value)
	if value > 0 {
		label = 1
	}
	var l1, l2, top float64
	for _, v := range w {
		l1, l2, top = l1+math.Abs(v), l2+v*v, max(top, math.Abs(v))
	}
	models := map[string]func(f float64) attack.ThreatModel{
		"linf": func(f float64) attack.ThreatModel { return attack.Linf(ratio(t, f*dist/l1)) },
		"l2":   func(f float64) attack.ThreatModel { return attack.L2(ratio(t, f*dist/math.Sqrt(l2))) },
		"l1":   func(f float64) attack.ThreatModel { return attack.L1(ratio(t, f*dist/top)) },
	}
	for norm, model := range models {
		if norm == "l1" && dist/top > 0.25 {
			continue // more than one pixel can give
		}
		for _, text := range []string{"fab-t", "fab", "apgd-ce", "apgd-dlr", "apgd-t", "autoattack", "autoattack(version=plus)", "pgd(objective=ce,stop=fooled)", "cascade(noise,apgd-ce)"} {
			if norm == "l1" && !strings.HasPrefix(text, "fab") {
				continue
			}
			images := []*tensor.Dense{img}
			if r := run(t, text, enc, images, model(1.02), attack.Against(head, []int{label})); !r.Outcomes[0].Fooled || r.Outcomes[0].Value <= 0 {
				t.Errorf("%s does not fool the head just beyond the %s boundary: %+v", text, norm, r.Outcomes[0])
			} else {
				attacktest.Inside(t, model(1.02), images, &attack.Result{Adv: r.Adv})
			}
			if r := run(t, text, enc, images, model(0.999), attack.Against(head, []int{label})); r.Outcomes[0].Fooled {
				t.Errorf("%s fools the head before the %s boundary", text, norm)
			}
		}
	}
}

func ratio(t testing.TB, f float64) attack.Ratio {
	r, err := attack.ParseRatio(fmt.Sprintf("%.9f", f))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBlackBox: query attacks come near the exact boundary of a linear head.
func TestBlackBox(t *testing.T) {
	enc := attacktest.NewLinear(7, 6, 5, 1, 3)
	head, w := margin(enc, 3)
	for i, img := range attacktest.Smooth(3, 2, 6, 5) {
		label, l1, l2 := 0, 0.0, 0.0
		for _, v := range w {
			l1, l2 = l1+math.Abs(v), l2+v*v
		}
		value, _ := bind(t, attack.Logits{Loss: "cw"}, enc, attack.Task{Head: head, Labels: [][]int{{0}}}, img).at(img, false)
		head.B[0] += value + 0.05*l1 // the boundary is 0.05 away in L∞
		value = -0.05 * l1
		linf := func(f float64) attack.ThreatModel { return attack.Linf(ratio(t, f*math.Abs(value)/l1)) }
		euclid := func(f float64) attack.ThreatModel { return attack.L2(ratio(t, f*math.Abs(value)/math.Sqrt(l2))) }
		for _, c := range []struct {
			text  string
			tm    func(float64) attack.ThreatModel
			slack float64
		}{
			{"square(queries=2000)", linf, 1.15}, {"simba(queries=400)", linf, 1.05}, {"nes(samples=100)", linf, 1.15}, {"rays(queries=3000)", linf, 1.1},
			{"hopskipjump(steps=15)", linf, 1.3}, {"hopskipjump(steps=15)", euclid, 1.15}, {"square(queries=3000)", euclid, 1.8},
			{"cw-l2", euclid, 1.05}, {"deepfool", euclid, 1.03}, {"deepfool", linf, 1.03},
		} {
			images := []*tensor.Dense{img}
			r := run(t, c.text, enc, images, c.tm(c.slack), attack.Against(head, []int{label}))
			if !r.Outcomes[0].Fooled {
				t.Errorf("%s does not fool the head on image %d at %v times the distance: %+v", c.text, i, c.slack, r.Outcomes[0])
			}
			attacktest.Inside(t, c.tm(c.slack), images, r)
			if r := run(t, c.text, enc, images, c.tm(0.999), attack.Against(head, []int{label})); r.Outcomes[0].Fooled {
				t.Errorf("%s fools the head on image %d before the boundary", c.text, i)
			}
			gradient := c.text == "cw-l2" || c.text == "deepfool"
			if q := r.Outcomes[0].Cost; !gradient && (q.Backwards > 0 || q.Queries == 0) {
				t.Errorf("%s is no black-box attack: %+v", c.text, q)
			}
		}
	}
}

// TestAPGDBeatsPGD compares the losses at equal cost over 50 images. On average APGD is no worse; images
// on which it is are counted.
func TestAPGDBeatsPGD(t *testing.T) {
	enc := attacktest.NewViT(11, 8, 8, 4, 8, 2, 6)
	images := attacktest.Images(12, 50, 8, 8)
	head := attacktest.NewHead(3, encoder.Embedding, 6, 4)
	labels := make([]int, len(images))
	for i, x := range images {
		labels[i] = top(t, enc, head, x)
	}
	tm := attack.Linf(attack.NewRatio(8, 255))
	for _, o := range []string{"ce", "embedding", "prm"} {
		a := run(t, "apgd(objective="+o+",steps=39,stop=never)", enc, images, tm, attack.Against(head, labels))
		p := run(t, "pgd(objective="+o+",steps=39,alpha=2/255)", enc, images, tm, attack.Against(head, labels))
		var sumA, sumP float64
		worse := 0
		for i := range images {
			va, vp := a.Outcomes[i].Value, p.Outcomes[i].Value
			sumA, sumP = sumA+va, sumP+vp
			if va < vp-0.02*math.Abs(vp) {
				worse++
			}
		}
		if a.Cost.Forwards > p.Cost.Forwards+50 {
			t.Errorf("APGD took %d forwards, PGD %d", a.Cost.Forwards, p.Cost.Forwards)
		}
		if sumA < sumP-1e-3*math.Abs(sumP) || worse > 5 {
			t.Errorf("%s: APGD reaches %v on average, PGD %v; clearly worse on %d of 50 images", o, sumA/50, sumP/50, worse)
		}
	}
}

// TestStronger: more steps, more restarts and a larger ε are never weaker on average.
func TestStronger(t *testing.T) {
	enc := attacktest.NewViT(11, 8, 8, 4, 8, 2, 6)
	images := attacktest.Images(13, 10, 8, 8)
	mean := func(text string, levels int64) float64 {
		r := run(t, text, enc, images, attack.Linf(attack.NewRatio(levels, 255)))
		s := 0.0
		for _, o := range r.Outcomes {
			s += o.Value / float64(len(images))
		}
		return s
	}
	if noise, square := mean("noise(objective=embedding,draws=200)", 8), mean("square(objective=embedding,queries=200)", 8); square <= noise {
		t.Errorf("square reaches an embedding distance of %v with 200 queries, as many draws of noise %v", square, noise)
	}
	for _, name := range []string{"prm", "pgd", "apgd", "embedding"} {
		for _, pair := range [][2]float64{
			{mean(name+"(steps=5)", 8), mean(name+"(steps=40)", 8)},
			{mean(name+"(steps=10)", 2), mean(name+"(steps=10)", 8)},
			{mean("restarts(n=1,attack="+name+"(steps=6))", 8), mean("restarts(n=4,attack="+name+"(steps=6))", 8)},
			{mean("noise(objective=auto)", 8), mean("apgd", 8)},
		} {
			if pair[1] < pair[0]-1e-9 {
				t.Errorf("%s: more effort reaches %v, less %v", name, pair[1], pair[0])
			}
		}
	}
}

// TestRestartsContain: the first restart is the attack itself, so no image gets worse.
func TestRestartsContain(t *testing.T) {
	enc := attacktest.NewViT(11, 8, 8, 4, 8, 2, 6)
	images := attacktest.Images(13, 8, 8, 8)
	tm := attack.Linf(attack.NewRatio(8, 255))
	one, three := run(t, "pgd(steps=5)", enc, images, tm), run(t, "restarts(n=3,attack=pgd(steps=5))", enc, images, tm)
	same := run(t, "restarts(n=1,attack=pgd(steps=5))", enc, images, tm)
	for i := range images {
		if three.Outcomes[i].Value < one.Outcomes[i].Value || !attacktest.Equal(one.Adv[i], same.Adv[i]) {
			t.Errorf("image %d: restarts reach %v, the attack %v", i, three.Outcomes[i].Value, one.Outcomes[i].Value)
		}
		if three.Outcomes[i].Cost.Backwards != 3*one.Outcomes[i].Cost.Backwards {
			t.Errorf("image %d: %+v for three restarts of %+v", i, three.Outcomes[i].Cost, one.Outcomes[i].Cost)
		}
	}
}

// probability turns a head's logits into probabilities without a gradient to speak of: a broken defence.
type probability struct{ attack.Classifier }

func (p probability) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	z, err := p.Classifier.Logits(dst, acts)
	if err != nil {
		return z, err
	}
	sum := 0.0
	for i := range z {
		z[i] = math.Exp(z[i])
		sum += z[i]
	}
	for i := range z {
		z[i] /= sum
	}
	return z, nil
}

func (p probability) VJP(cot []*tensor.Dense, _ []*tensor.Dense, _ []float64) error {
	clear(cot[0].Float32s())
	return nil
}

// noisy adds a different constant at every call.
type noisy struct {
	attack.Classifier
	n *int
}

func (p noisy) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	z, err := p.Classifier.Logits(dst, acts)
	*p.n++
	z[0] += 0.1 * float64(*p.n)
	return z, err
}

// shattered rounds the logits but keeps the smooth gradient.
type shattered struct{ attack.Classifier }

func (p shattered) Logits(dst []float64, acts []*tensor.Dense) ([]float64, error) {
	z, err := p.Classifier.Logits(dst, acts)
	for i := range z {
		z[i] = math.Round(z[i])
	}
	return z, err
}

func TestAutoAttackFlags(t *testing.T) {
	enc := attacktest.NewViT(11, 8, 8, 4, 8, 2, 6)
	images := attacktest.Images(13, 1, 8, 8)
	head := attacktest.NewHead(3, encoder.Embedding, 6, 4)
	two := attacktest.NewHead(3, encoder.Embedding, 6, 2)
	tm := attack.Linf(attack.NewRatio(1, 255))
	for want, h := range map[string]attack.Classifier{
		"look like probabilities": probability{head}, "exactly zero": probability{head}, "vary between runs": noisy{head, new(int)},
		"masked or shattered": shattered{head}, "too few": two, "optimises": head, "": head,
	} {
		labels := []int{0}
		if _, random := h.(noisy); !random {
			labels[0] = top(t, enc, h, images[0])
		}
		var e encoder.Encoder = enc
		if want == "optimises" {
			e = climbing{enc}
		}
		r := run(t, "autoattack", e, images, tm, attack.Against(h, labels))
		if all := strings.Join(r.Warnings, "\n"); want != "" && !strings.Contains(all, want) || want == "" && strings.Contains(all, "flag") {
			t.Errorf("%q is not among the warnings %q", want, all)
		}
	}
}

func TestNeedsHead(t *testing.T) {
	enc := attacktest.NewViT(11, 8, 8, 4, 8, 2, 6)
	images := attacktest.Images(13, 2, 8, 8)
	tm := attack.Linf(attack.NewRatio(1, 255))
	for _, text := range []string{"apgd-ce", "apgd-t", "fab-t", "fab", "autoattack", "cascade(pgd)", "pgd(objective=ce)", "m-attack", "pa-attack", "foa", "embedding(target=embedding)"} {
		_, err := mustParse(t, text).Run(context.Background(), enc, images, tm)
		if err == nil || !strings.Contains(err.Error(), "need") {
			t.Errorf("%s without what it needs: %v", text, err)
		}
	}
	head := attacktest.NewHead(3, encoder.Embedding, 6, 4)
	for want, o := range map[string]attack.Option{
		"labels of 1 images": attack.Against(head, []int{1}), "the head has 4 classes": attack.Against(head, []int{1, 9}),
	} {
		if _, err := mustParse(t, "apgd-ce").Run(context.Background(), enc, images[:2], tm, o); want == "labels of 1 images" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// climbing says that it optimises.
type climbing struct{ encoder.Encoder }

func (climbing) Dynamic() bool { return true }
