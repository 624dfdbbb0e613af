package head

import (
	"math"
	"testing"
)

// checkVJP compares a head's VJP with central differences of ⟨d, Scores⟩ for a fixed pattern d.
func checkVJP(t *testing.T, h Differentiable, in Input, tol float64) {
	t.Helper()
	s, err := h.Scores(in)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]float32, len(s.Data))
	for i := range d {
		d[i] = float32(math.Sin(float64(3*i + 1)))
	}
	value := func() float64 {
		s, err := h.Scores(in)
		if err != nil {
			t.Fatal(err)
		}
		return dot(d, s.Data)
	}
	grads, err := h.VJP(in, d)
	if err != nil {
		t.Fatal(err)
	}
	if len(grads) != len(h.Taps()) {
		t.Fatalf("%d gradients for %d taps", len(grads), len(h.Taps()))
	}
	const step = 1.0 / 128
	for k, a := range in.Acts {
		var errs, size float64
		for i := 0; i < len(a.Data); i += 1 + len(a.Data)/150 { // every coordinate of small inputs
			x := a.Data[i]
			a.Data[i] = x + step
			up := value()
			a.Data[i] = x - step
			down := value()
			a.Data[i] = x
			want := (up - down) / (2 * step)
			errs += (want - float64(grads[k].Data[i])) * (want - float64(grads[k].Data[i]))
			size += want * want
		}
		if rel := math.Sqrt(errs / max(size, 1e-12)); rel > tol {
			t.Errorf("%s: gradient at tap %d is off by %.3g of its size", h.Name(), k, rel)
		}
	}
}
