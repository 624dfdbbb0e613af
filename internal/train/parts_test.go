package train

import (
	"math"
	"slices"
	"testing"
)

func almost(a, b float64) bool { return math.Abs(a-b) <= 1e-6*(1+math.Abs(b)) }

// TestAdamW checks two steps worked out by hand.
func TestAdamW(t *testing.T) {
	p := NewParam("w", Matrix, []int{1}, []float32{2})
	o := NewAdamW([]*Param{p}, 0.1)
	p.Grad[0] = 0.5
	o.Step(0, 0.01) // m̂ = 0.5, v̂ = 0.25: the step is lr
	want := 2*(1-0.001) - 0.01
	if !almost(float64(p.Value[0]), want) {
		t.Errorf("first step gives %v, want %v", p.Value[0], want)
	}
	p.Grad[0] = -0.25
	o.Step(1, 0.01)
	m := (0.9*0.05 - 0.1*0.25) / (1 - 0.81)
	v := (0.999*0.001*0.25 + 0.001*0.0625) / (1 - 0.999*0.999)
	want = want*(1-0.001) - 0.01*m/(math.Sqrt(v)+1e-8)
	if !almost(float64(p.Value[0]), want) {
		t.Errorf("second step gives %v, want %v", p.Value[0], want)
	}
	b := NewParam("b", Bias, []int{1}, []float32{2})
	NewAdamW([]*Param{b}, 0.1).Step(0, 0.01)
	if b.Value[0] != 2 {
		t.Error("a bias decays")
	}
}

func TestSGD(t *testing.T) {
	p := NewParam("w", Matrix, []int{1}, []float32{1})
	o := NewSGD([]*Param{p}, 0.9, 0.5)
	p.Grad[0] = 2
	o.Step(0, 0.1) // v = 2.5
	o.Step(1, 0.1) // v = 0.9·2.5 + 2 + 0.5·0.75
	if want := 0.75 - 0.1*(0.9*2.5+2+0.375); !almost(float64(p.Value[0]), want) {
		t.Errorf("%v, want %v", p.Value[0], want)
	}
}

func TestSchedule(t *testing.T) {
	s := Schedule{Peak: 2, Warmup: 4, Total: 12, Floor: 0.1}
	for step, want := range map[int]float64{0: 0.5, 3: 2, 4: 2, 8: 2 * 0.55, 12: 0.2, 99: 0.2} {
		if got := s.At(step); !almost(got, want) {
			t.Errorf("step %d: %v, want %v", step, got, want)
		}
	}
}

func TestClipGrad(t *testing.T) {
	p := NewParam("w", Matrix, []int{2}, []float32{0, 0})
	copy(p.Grad, []float32{3, 4})
	if n := ClipGrad([]*Param{p}, 10); n != 5 || p.Grad[0] != 3 {
		t.Error("a short gradient was changed")
	}
	if n := ClipGrad([]*Param{p}, 1); n != 5 || !almost(GradNorm([]*Param{p}), 1) {
		t.Error("a long gradient was not shortened")
	}
}

func TestAverage(t *testing.T) {
	p := NewParam("w", Matrix, []int{1}, []float32{1})
	a := NewAverage([]*Param{p}, 0.5)
	p.Value[0] = 3
	a.Update(0) // β = 2/11
	a.Swap()
	if want := 1*2.0/11 + 3*9.0/11; !almost(float64(p.Value[0]), want) {
		t.Errorf("%v, want %v", p.Value[0], want)
	}
	a.Swap()
	if p.Value[0] != 3 {
		t.Error("two swaps change the weights")
	}
}

func TestOrder(t *testing.T) {
	o := Order{Seed: 1, N: 5}
	var seen []int
	for k := range 5 {
		seen = append(seen, o.Batch(k, 2)...)
	}
	for e := range 2 {
		epoch := slices.Sorted(slices.Values(seen[5*e : 5*e+5]))
		if !slices.Equal(epoch, []int{0, 1, 2, 3, 4}) {
			t.Errorf("epoch %d holds %v", e, epoch)
		}
	}
	if slices.Equal(seen[:5], seen[5:]) {
		t.Error("two epochs have the same order")
	}
	late := Order{Seed: 1, N: 5}
	if !slices.Equal(late.Batch(3, 2), seen[6:8]) {
		t.Error("a batch depends on the batches asked for before")
	}
}

// TestLoRAGradients compares with central differences of a function of W.
func TestLoRAGradients(t *testing.T) {
	w := NewParam("w", Matrix, []int{4, 3}, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6})
	l, err := NewLoRA(w, 2, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.Push()
	if w.Value[5] != 6 {
		t.Error("adapters change the weights before training")
	}
	for i := range l.B.Value {
		l.B.Value[i] = float32(math.Sin(float64(i)))
	}
	value := func() (sum float64) {
		l.Push()
		for i, v := range w.Value {
			sum += math.Cos(float64(i)) * float64(v)
			w.Grad[i] = float32(math.Cos(float64(i)))
		}
		return sum
	}
	value()
	l.Pull()
	for _, p := range []*Param{l.A, l.B} {
		for i := range p.Value {
			keep := p.Value[i]
			p.Value[i] = keep + 0.5
			up := value()
			p.Value[i] = keep - 0.5
			d := up - value()
			p.Value[i] = keep
			if math.Abs(d-float64(p.Grad[i])) > 1e-4 {
				t.Errorf("%s[%d]: %v, difference %v", p.Name, i, p.Grad[i], d)
			}
		}
	}
}
