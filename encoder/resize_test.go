package encoder

import (
	"context"
	"math"
	"testing"

	"gorgonia.org/tensor"
)

// corner cuts the h×w pixels at the top left.
func corner(img *tensor.Dense, h, w int) *tensor.Dense {
	s := img.Shape()
	v := make([]float32, 0, 3*h*w)
	for c := range 3 {
		for y := range h {
			at := (c*s[1] + y) * s[2]
			v = append(v, img.Float32s()[at:at+w]...)
		}
	}
	return tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(v))
}

func TestAtSizeSeesWholePatchesOnly(t *testing.T) {
	m := openVIT(t, small)
	ctx := context.Background()
	at, err := m.AtSize(70, 121) // 64×112 in patches of 16
	if err != nil {
		t.Fatal(err)
	}
	img := pictures(1, 70, 121)[0]
	a, err := Activations(ctx, at, []*tensor.Dense{img}, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	if want := (tensor.Shape{1, 1 + 4*7, small.Width}); !a[0].Shape().Eq(want) {
		t.Fatalf("tokens of shape %v, want %v", a[0].Shape(), want)
	}
	exact, err := m.AtSize(64, 112)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Activations(ctx, exact, []*tensor.Dense{corner(img, 64, 112)}, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range a[0].Float32s() {
		if v != b[0].Float32s()[i] {
			t.Fatal("pixels beyond the last whole patch change the tokens")
		}
	}
}

func TestAtOwnSizeChangesNothing(t *testing.T) {
	m := openVIT(t, small)
	at, err := m.AtSize(96, 96)
	if err != nil {
		t.Fatal(err)
	}
	img := pictures(1, 96, 96)
	a, err := Activations(context.Background(), at, img, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Activations(context.Background(), m, img, Tokens)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range a[0].Float32s() {
		if math.Abs(float64(v-b[0].Float32s()[i])) > 1e-5 {
			t.Fatalf("element %d: %g at its own size, %g without", i, v, b[0].Float32s()[i])
		}
	}
}

// TestAtSizeGradient compares the gradient at another size with central differences along one direction.
func TestAtSizeGradient(t *testing.T) {
	m := openVIT(t, small)
	at, err := m.AtSize(50, 83)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	img := pictures(1, 50, 83)
	half := func(img *tensor.Dense) float64 { // ½‖embedding‖²
		a, err := Activations(ctx, at, []*tensor.Dense{img}, Embedding)
		if err != nil {
			t.Fatal(err)
		}
		s := 0.0
		for _, v := range a[0].Float32s() {
			s += float64(v) * float64(v) / 2
		}
		return s
	}
	tr, err := at.Trace(ctx, img, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	g, err := tr.VJP(ctx, []*tensor.Dense{tr.Activation(0).Clone().(*tensor.Dense)})
	if err != nil {
		t.Fatal(err)
	}
	const h = 1e-2
	up, down := img[0].Clone().(*tensor.Dense), img[0].Clone().(*tensor.Dense)
	want := 0.0
	for i, d := range g[0].Float32s() {
		v := float32((i*31)%7-3) / 3
		up.Float32s()[i] += h * v
		down.Float32s()[i] -= h * v
		want += float64(d) * float64(v)
	}
	got := (half(up) - half(down)) / (2 * h)
	if math.Abs(got-want) > 1e-2*math.Abs(want) {
		t.Errorf("central difference %g, gradient %g", got, want)
	}
}

func TestAtSizeRefusesWhatHoldsNoPatch(t *testing.T) {
	if _, err := openVIT(t, small).AtSize(15, 400); err == nil {
		t.Error("15×400 pixels hold no patch of 16, but were accepted")
	}
}

func TestDroppingIdleMemory(t *testing.T) {
	m := openVIT(t, small)
	a, b := m.share(), m.share()
	m.sized[[2]int{1, 1}], m.sized[[2]int{2, 2}] = a, b
	a.lastUse, b.lastUse = 1, 2
	for _, s := range []*Model{a, b} {
		if _, err := s.Forward(context.Background(), pictures(1, 96, 96), Tokens); err != nil {
			t.Fatal(err)
		}
		if s.idleBytes() == 0 {
			t.Fatal("a forward pass left no idle memory")
		}
	}
	a.dropIdle()
	if a.idleBytes() != 0 || b.idleBytes() == 0 {
		t.Error("dropping one model's memory must leave the other's")
	}
}
