package attacktest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Case is what an attack is tried on. Zero fields take defaults: a small ViT, L∞ 8/255, three images.
type Case struct {
	Encoder  encoder.Encoder
	Threat   attack.ThreatModel
	Images   []*tensor.Dense
	Options  func(images []*tensor.Dense) []attack.Option // for the images given, in their order
	Together bool                                         // the attack makes one perturbation for all images
	Gentle   bool                                         // the attack reads no gradient: skip what needs one
}

func (c Case) filled() Case {
	if c.Encoder == nil {
		c.Encoder = NewViT(1, 8, 8, 4, 6, 2, 5)
	}
	if c.Threat.Norm == "" {
		c.Threat = attack.Linf(attack.NewRatio(8, 255))
	}
	if c.Images == nil {
		c.Images = Images(1, 3, 8, 8)
	}
	if c.Options == nil {
		c.Options = func([]*tensor.Dense) []attack.Option { return nil }
	}
	return c
}

// Conform checks what every attack promises: it prints what rebuilds it; it hands out only images
// inside the threat model, on cancel too; images do not influence each other, whatever batch, order and
// worker count; the same seed gives the same bits; inputs are left alone; an image that fails is reported and
// stops no other; costs are counted.
func Conform(t *testing.T, a attack.Attack, c Case) {
	t.Helper()
	c = c.filled()
	t.Run("expression", func(t *testing.T) { conformExpression(t, a) })
	t.Run("inside", func(t *testing.T) { conformInside(t, a, c) })
	t.Run("independent", func(t *testing.T) { conformIndependent(t, a, c) })
	t.Run("cancel", func(t *testing.T) { conformCancel(t, a, c) })
	t.Run("failing image", func(t *testing.T) { conformFailure(t, a, c) })
	t.Run("steps", func(t *testing.T) { conformSteps(t, a, c) })
}

func (c Case) run(t *testing.T, a attack.Attack, images []*tensor.Dense, more ...attack.Option) *attack.Result {
	t.Helper()
	r, err := a.Run(context.Background(), c.Encoder, images, c.Threat, append(c.Options(images), more...)...)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return r
}

func conformExpression(t *testing.T, a attack.Attack) {
	b, err := attack.Parse(a.String())
	if err != nil {
		t.Fatalf("%s does not parse: %v", a, err)
	}
	if b.String() != a.String() {
		t.Errorf("%s parses to %s", a, b)
	}
}

// Inside fails the test unless every image handed out is inside the threat model.
func Inside(t *testing.T, tm attack.ThreatModel, clean []*tensor.Dense, r *attack.Result) {
	t.Helper()
	for i, x := range r.Adv {
		ball, err := tm.Ball(i, clean[i])
		if err != nil {
			t.Fatal(err)
		}
		adv := x.Data().([]float32)
		if !ball.Contains(adv) {
			t.Errorf("image %d is outside %s: size %g", i, tm, ball.Size(adv))
		}
		if _, err := attack.Quantize(tm, i, clean[i], x); err != nil {
			t.Errorf("image %d cannot be saved: %v", i, err)
		}
	}
}

func conformInside(t *testing.T, a attack.Attack, c Case) {
	before := cloneAll(c.Images)
	r := c.run(t, a, c.Images)
	Inside(t, c.Threat, c.Images, r)
	for i := range before {
		if !Equal(before[i], c.Images[i]) {
			t.Errorf("image %d was written to", i)
		}
		o := r.Outcomes[i]
		if o.Err != nil || o.Status == attack.Failed {
			t.Errorf("image %d: %s: %v", i, o.Status, o.Err)
		}
		if o.Cost.Forwards < 1 || o.Cost.Seconds <= 0 || o.Iters < 1 {
			t.Errorf("image %d: cost %+v after %d iterations", i, o.Cost, o.Iters)
		}
		if math.IsNaN(o.Value) {
			t.Errorf("image %d: value %v", i, o.Value)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("the result has no JSON: %v", err)
	}
	if r.Attack != a.String() || r.Threat != c.Threat.String() {
		t.Errorf("the result says %s under %s", r.Attack, r.Threat)
	}
}

func conformIndependent(t *testing.T, a attack.Attack, c Case) {
	n := len(c.Images)
	all := c.run(t, a, c.Images, attack.Workers(1))
	again := c.run(t, a, c.Images, attack.Workers(3))
	reversed := make([]*tensor.Dense, n)
	for i, x := range c.Images {
		reversed[n-1-i] = x
	}
	back := c.run(t, a, reversed, attack.Workers(2))
	for i := range n {
		if !Equal(all.Adv[i], again.Adv[i]) || all.Outcomes[i].Value != again.Outcomes[i].Value {
			t.Errorf("image %d depends on the number of workers", i)
		}
		if !Equal(all.Adv[i], back.Adv[n-1-i]) {
			t.Errorf("image %d depends on the order", i)
		}
		if c.Together {
			continue
		}
		alone := c.run(t, a, c.Images[i:i+1])
		if !Equal(all.Adv[i], alone.Adv[0]) {
			t.Errorf("image %d depends on its batch", i)
		}
	}
}

// cancelling cancels its context at the n-th trace.
type cancelling struct {
	encoder.Encoder
	left   *int
	cancel context.CancelFunc
}

func (e cancelling) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	if *e.left--; *e.left <= 0 {
		e.cancel()
	}
	return e.Encoder.Trace(ctx, images, taps...)
}

func conformCancel(t *testing.T, a attack.Attack, c Case) {
	for _, n := range []int{1, 3, 6} {
		ctx, cancel := context.WithCancel(context.Background())
		left := n
		enc := cancelling{c.Encoder, &left, cancel}
		r, err := a.Run(ctx, enc, c.Images, c.Threat, append(c.Options(c.Images), attack.Workers(1))...)
		cancel()
		if !errors.Is(err, context.Canceled) && (err != nil || left <= 0) {
			t.Errorf("cancelled at trace %d: error %v", n, err)
		}
		if r == nil {
			t.Fatalf("cancelled at trace %d: no result", n)
		}
		Inside(t, c.Threat, c.Images, r)
		if last := r.Outcomes[len(r.Outcomes)-1]; left <= 0 && last.Status != attack.Cancelled {
			t.Errorf("cancelled at trace %d: the last image is %q", n, last.Status)
		}
	}
}

func conformFailure(t *testing.T, a attack.Attack, c Case) {
	good := c.run(t, a, c.Images)
	if c.Together { // without the failing image
		rest := c.run(t, a, []*tensor.Dense{c.Images[0], c.Images[2]})
		good.Adv = []*tensor.Dense{rest.Adv[0], nil, rest.Adv[1]}
	}
	bad := cloneAll(c.Images)
	bad[1].Data().([]float32)[0] = float32(math.NaN())
	r, err := a.Run(context.Background(), c.Encoder, bad, c.Threat, c.Options(bad)...)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Outcomes[1]; o.Status != attack.Failed || o.Err == nil || len(o.Warnings) == 0 {
		t.Errorf("an image with NaN: %+v", o)
	}
	for _, i := range []int{0, 2} {
		if !Equal(good.Adv[i], r.Adv[i]) {
			t.Errorf("a failing neighbour changed image %d", i)
		}
	}
	if c.Gentle {
		return
	}
	bright := cloneAll(c.Images)
	for i, v := range bright[1].Data().([]float32) {
		bright[1].Data().([]float32)[i] = 0.85 + 0.15*v
	}
	enc := Broken{c.Encoder, func(x []float32) bool { return mean(x) > 0.75 }}
	r, err = a.Run(context.Background(), enc, bright, c.Threat, c.Options(bright)...)
	if err != nil {
		t.Fatal(err)
	}
	var nonFinite *attack.NonFiniteError
	if o := r.Outcomes[1]; o.Status != attack.NonFinite || !errors.As(o.Err, &nonFinite) || nonFinite.Image != o.Name {
		t.Errorf("a gradient with NaN: %+v", o)
	}
	Inside(t, c.Threat, bright, r)
}

func mean(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	return s / float64(len(x))
}

func conformSteps(t *testing.T, a attack.Attack, c Case) {
	seen, total := 0, 0
	want := c.run(t, a, c.Images)
	for s, err := range a.Steps(context.Background(), c.Encoder, c.Images, c.Threat, c.Options(c.Images)...) {
		if err != nil {
			t.Fatal(err)
		}
		ball, err := c.Threat.Ball(s.Image, c.Images[s.Image])
		if err != nil {
			t.Fatal(err)
		}
		if !ball.Contains(s.X.Data().([]float32)) {
			t.Errorf("step %d of image %d is outside %s", s.Iter, s.Image, c.Threat)
		}
		total++
	}
	for _, o := range want.Outcomes {
		seen += o.Iters
	}
	if total != seen {
		t.Errorf("%d steps yielded, %d counted", total, seen)
	}
	for range a.Steps(context.Background(), c.Encoder, c.Images, c.Threat, c.Options(c.Images)...) {
		break // must not hang or panic
	}
}

func cloneAll(images []*tensor.Dense) []*tensor.Dense {
	out := make([]*tensor.Dense, len(images))
	for i, x := range images {
		out[i] = x.Clone().(*tensor.Dense)
	}
	return out
}

// Equal reports whether two images are the same bit for bit.
func Equal(a, b *tensor.Dense) bool {
	x, y := a.Data().([]float32), b.Data().([]float32)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			return false
		}
	}
	return true
}
