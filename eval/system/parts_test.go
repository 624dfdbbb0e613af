package system

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// TestPartsBoxes holds the gradient of detectors' losses, down to the model's outputs, to differences, for every way
// of writing boxes and scores.
func TestPartsBoxes(t *testing.T) {
	two := classes(t, []string{"scratch", "dent"}, nil)
	corners := []float32{0.2, 0.1, 1.9, 0.8, 1.8, 0.9, 3.7, 1.9}
	truth := []dataset.Box{{X0: 4, Y0: 2, X1: 8, Y1: 4, Class: 1}, {X0: 0, Y0: 0, X1: 4, Y1: 2, Class: 2}}
	for name, c := range map[string]struct {
		outputs []output
		cfg     NetworkConfig
	}{
		"boxes beside scores": {[]output{{name: "b", shape: []int64{1, 2, 4}, bias: corners}, {name: "s", shape: []int64{1, 2, 2}, bias: []float32{0.3, 0.4, 0.6, 0.1}}}, NetworkConfig{}},
		"without an axis of images, with labels": {[]output{{name: "b", shape: []int64{2, 4}, bias: corners}, {name: "l", shape: []int64{2}, bias: []float32{1, 0}, integers: true},
			{name: "s", shape: []int64{2}, bias: []float32{0.25, 0.5}}}, NetworkConfig{}},
		"centres, transposed": {[]output{{name: "y", shape: []int64{1, 6, 2}, bias: []float32{1, 2.7, 0.5, 1.4, 1.7, 1.8, 0.7, 0.9, 0.25, 0.5, 0.75, 0.125}}},
			NetworkConfig{Boxes: NetworkBoxes{Boxes: Boxes{Format: "cxcywh"}}}},
		"objectness": {[]output{{name: "y", shape: []int64{1, 2, 7}, bias: []float32{0.1, 0.1, 0.4, 0.45, 0.5, 0.5, 0.25, 0.52, 0.4, 0.9, 0.9, 0.8, 0.3, 0.6}}},
			NetworkConfig{Outputs: map[Kind]string{BoxesObjectness: "y"}, Boxes: NetworkBoxes{Boxes: Boxes{Normalised: true}}}},
		"softmax with background first": {[]output{{name: "b", shape: []int64{1, 2, 4}, bias: corners}, {name: "s", shape: []int64{1, 2, 3}, bias: []float32{1, 2, 1.5, 0, 1, 0.4}}},
			NetworkConfig{Boxes: NetworkBoxes{Scores: "softmax", Background: "first"}}},
		"sigmoid": {[]output{{name: "y", shape: []int64{1, 2, 6}, bias: append(append([]float32{}, 0.2, 0.1, 1.9, 0.8, 0.5, -1), 1.8, 0.9, 3.7, 1.9, -0.7, 0.3)}},
			NetworkConfig{Outputs: map[Kind]string{BoxesScores: "y"}, Boxes: NetworkBoxes{Scores: "sigmoid"}}},
		"score and label": {[]output{{name: "y", shape: []int64{2, 6}, bias: []float32{0.2, 0.1, 1.9, 0.8, 0.5, 1, 1.8, 0.9, 3.7, 1.9, 0.9, 0}}},
			NetworkConfig{Outputs: map[Kind]string{BoxesScoreLabel: "y"}}},
	} {
		c.cfg.Classes = two
		n, err := NewNetwork("line", network(t, c.outputs...), c.cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h, in := taken(t, n)
		s := *wide(t)
		s.Boxes = truth
		harm, err := h.(head.Harmed).Harm(nil, head.Truth{Sample: &s})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, grad, err := harm(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		moves := false
		for k, a := range in.Acts {
			for i := range a.Data {
				if n.kinds[k] == BoxLabels || n.kinds[k] == BoxesScoreLabel && i%6 == 5 {
					continue
				}
				const step = 1.0 / 256
				old := a.Data[i]
				a.Data[i] = old + step
				up, _, _ := harm(in)
				a.Data[i] = old - step
				down, _, _ := harm(in)
				a.Data[i] = old
				want := (up - down) / (2 * step)
				if moves = moves || want != 0; math.Abs(want-float64(grad[k].Data[i])) > 1e-3*(1+math.Abs(want)) {
					t.Errorf("%s: gradient %v at number %d of output %d, differences give %v", name, grad[k].Data[i], i, k, want)
				}
			}
		}
		if !moves {
			t.Errorf("%s: the loss does not depend on the outputs", name)
		}
	}
}

// taken is a network's head, with the outputs for a white picture as it sees them.
func taken(t *testing.T, n *Network) (head.Head, head.Input) {
	t.Helper()
	e, h, err := n.Parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := wide(t)
	acts, err := encoder.Activations(t.Context(), e, []*tensor.Dense{s.Image}, h.Taps()...)
	if err != nil {
		t.Fatal(err)
	}
	in := head.Input{Width: s.Width, Height: s.Height}
	for _, a := range acts {
		in.Acts = append(in.Acts, head.Activation{Shape: a.Shape().Clone(), Data: a.Float32s()})
	}
	return h, in
}

// TestPartsChoices holds the decisions of systems to their own answers.
func TestPartsChoices(t *testing.T) {
	mask := func() *dataset.Mask {
		m := dataset.NewMask(8, 4)
		for i := range m.Pix {
			if i%8 >= 4 {
				m.Pix[i] = 3 // dent on the right half
			}
		}
		return m
	}
	for name, c := range map[string]struct {
		out    output
		cfg    NetworkConfig
		right  []int
		chosen []int // what the system says, position by position
	}{
		"logits": {output{name: "y", shape: []int64{1, 2}, bias: []float32{2, 1}},
			NetworkConfig{Classes: classes(t, []string{"Beule", "Kratzer"}, map[string]string{"Beule": "dent", "Kratzer": "scratch"})}, []int{1}, []int{2}},
		"masks, background first": {output{name: "y", shape: []int64{1, 4, 1, 2}, bias: []float32{5, 0, 1, 1, 2, 2, 3, 3}},
			NetworkConfig{Classes: classes(t, nil, nil), Task: head.Segmentation}, []int{0, 3}, []int{0, 3}},
		"masks without background": {output{name: "y", shape: []int64{1, 2, 1, 2}, bias: []float32{5, 0, 1, 1}},
			NetworkConfig{Classes: classes(t, []string{"dent", "scratch"}, nil), Task: head.Segmentation}, []int{0, 3}, []int{3, 2}},
		"one mask": {output{name: "y", shape: []int64{1, 1, 1, 2}, bias: []float32{0.2, 0.9}},
			NetworkConfig{Classes: classes(t, []string{"dent"}, nil), Task: head.Segmentation, Threshold: 0.5}, []int{0, 3}, []int{0, 3}},
	} {
		n, err := NewNetwork("line", network(t, c.out), c.cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h, in := taken(t, n)
		s := *wide(t)
		s.Label, s.Mask = 1, mask()
		a := h.(head.Attackable)
		all, err := a.Decisions(nil, head.Truth{Sample: &s, Good: -1})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d := all[0]
		scores, err := a.Scores(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for p, want := range c.chosen {
			best, most := 0, math.Inf(-1)
			for k := range d.Options {
				one := head.Decisions{Options: 1, Scores: d.Scores[p*d.Options+k : p*d.Options+k+1], Right: []int{-1}}
				if v := one.Logits(nil, scores.Data)[0]; v > most {
					best, most = k, v
				}
			}
			if best != want || d.Right[p] != c.right[p] {
				t.Errorf("%s: position %d: option %d leads and %d is right, want %d and %d", name, p, best, d.Right[p], want, c.right[p])
			}
		}
	}
}
