package head

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// checkHarm holds the gradient of a head's harm to differences along random directions.
func checkHarm(t *testing.T, h Harmed, f Features) {
	t.Helper()
	in, err := f.Input(h.Taps())
	if err != nil {
		t.Fatal(err)
	}
	clean, err := h.Predict(in)
	if err != nil {
		t.Fatal(err)
	}
	harm, err := h.Harm([]Output{clean}, Truth{Sample: f.Sample})
	if err != nil {
		t.Fatal(err)
	}
	_, grad, err := harm(in)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		var want float64
		moved := [2]Input{in, in}
		const step = 1e-4
		for s := range moved {
			moved[s].Acts = nil
			for _, a := range in.Acts {
				moved[s].Acts = append(moved[s].Acts, Activation{Shape: a.Shape, Data: clone(a.Data)})
			}
		}
		for k, a := range in.Acts {
			for i := range a.Data {
				d := rng.NormFloat64()
				moved[0].Acts[k].Data[i] += float32(step * d)
				moved[1].Acts[k].Data[i] -= float32(step * d)
				want += float64(grad[k].Data[i]) * d
			}
		}
		up, _, err := harm(moved[0])
		if err != nil {
			t.Fatal(err)
		}
		down, _, err := harm(moved[1])
		if err != nil {
			t.Fatal(err)
		}
		if got := (up - down) / (2 * step); math.Abs(got-want) > 0.03*(0.3+math.Abs(want)) {
			t.Errorf("%s: the gradient gives %v along a direction, differences %v", h.Name(), want, got)
		}
	}
}

// TestCandidatesHarm holds the loss of detections to what it stands for: moving a box off its object, a lower score
// on it and a higher one elsewhere all harm; and its gradient to differences.
func TestCandidatesHarm(t *testing.T) {
	truth := []dataset.Box{{X0: 10, Y0: 10, X1: 30, Y1: 30, Class: 1}, {X0: 0, Y0: 0, X1: 4, Y1: 4, Class: 0, Ignore: true}}
	base := func() Candidates {
		return Candidates{
			Boxes: []dataset.Box{{X0: 11, Y0: 9, X1: 29, Y1: 32}, {X0: 12, Y0: 15, X1: 33, Y1: 34}, {X0: 40, Y0: 40, X1: 60, Y1: 50}},
			Log:   [][]float64{{-3, -0.2}, {-2, -1}, {-2.5, -1.5}},
		}
	}
	value := func(change func(*Candidates)) float64 {
		c := base()
		change(&c)
		v, _ := c.Harm(truth)
		return v
	}
	none := value(func(*Candidates) {})
	if none >= 0 {
		t.Errorf("an object found with a score of 0.8 has harm %v", none)
	}
	for name, change := range map[string]func(*Candidates){
		"a box moved off its object": func(c *Candidates) { c.Boxes[0].X0 -= 14 },
		"a lower score":              func(c *Candidates) { c.Log[0][1] -= 2 },
		"a higher score on nothing":  func(c *Candidates) { c.Log[2][0] += 1 },
		"another class on an object": func(c *Candidates) { c.Log[0][0] += 2 },
	} {
		if v := value(change); v <= none+0.01 {
			t.Errorf("%s: harm %v, before %v", name, v, none)
		}
	}
	if v := value(func(c *Candidates) { c.Log[0][1], c.Log[1][1] = -9, -9 }); v <= 0 {
		t.Errorf("an object that is lost has harm %v", v)
	}
	c := base()
	_, g := c.Harm(truth)
	check := func(name string, at *float64, got float64) {
		const h = 1e-5
		old := *at
		*at = old + h
		up, _ := c.Harm(truth)
		*at = old - h
		down, _ := c.Harm(truth)
		*at = old
		if want := (up - down) / (2 * h); math.Abs(want-got) > 1e-5 {
			t.Errorf("%s: gradient %v, differences give %v", name, got, want)
		}
	}
	for k := range c.Boxes {
		b := &c.Boxes[k]
		for j, side := range []*float64{&b.X0, &b.Y0, &b.X1, &b.Y1} {
			check("side", side, g.Boxes[k][j])
		}
		for j := range c.Log[k] {
			check("score", &c.Log[k][j], g.Log[k][j])
		}
	}
}
