package attack

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Objective says what an attack makes worse. It is an immutable value; the state for one image on one
// encoder is a [Loss].
type Objective interface {
	// Bind prepares the objective for image i on an encoder of this spec.
	Bind(spec encoder.Spec, task *Task, i int) (Loss, error)
	// String prints the expression that ParseObjective rebuilds it from.
	String() string
}

// Loss is an objective at one image. It keeps scratch memory and is not safe for concurrent use.
type Loss interface {
	// Taps are the activations read at the adversarial image, and those read at the reference: the
	// clean image, or the one that Target returns. No reference taps: no reference is needed.
	Taps() (adv, ref []encoder.Tap)
	// Reference takes the reference's activations. They are valid until the next call.
	Reference(ref []*tensor.Dense) error
	// Eval returns the objective at adv, larger being worse for the defender. With cot it also writes the
	// gradient at every adversarial tap; every element is overwritten.
	Eval(adv, cot []*tensor.Dense) (float64, error)
}

// Targeted is a Loss whose reference is not the clean image but another one.
type Targeted interface {
	Loss
	Target() *tensor.Dense
}

// layers reads a list of taps: "all" is the stem and every block, "blocks" every block, "last" the last
// block, "stem+block.3" those named; a negative block counts from the end.
func layers(list string, spec encoder.Spec) ([]encoder.Tap, error) {
	switch list {
	case "all":
		return spec.Layers(), nil
	case "blocks":
		return spec.Layers()[1:], nil
	case "last":
		return []encoder.Tap{encoder.Tokens}, nil
	}
	var taps []encoder.Tap
	for _, name := range splitList(list) {
		t := encoder.Tap(name)
		var back int
		if n, _ := fmt.Sscanf(name, "block.-%d", &back); n == 1 {
			t = encoder.Block(spec.Depth - back)
		}
		if b, ok := t.BlockIndex(); ok && b >= spec.Depth || t == encoder.Block(-1) {
			return nil, fmt.Errorf("attack: %s has %d blocks; there is no %s", spec.Name, spec.Depth, name)
		}
		taps = append(taps, t)
	}
	if len(taps) == 0 {
		return nil, fmt.Errorf("attack: the list of layers %q is empty", list)
	}
	return taps, nil
}

// tokenView says which rows of a token activation an objective reads.
type tokenView struct {
	lo, hi  int // token range [lo, hi)
	d       int // channels
	row     int // elements from one token to the next
	channel int // elements from one channel to the next
}

// view returns the tokens of an activation of batch 1 that "all", "patch" or "cls" names: 1×T×D tokens,
// a 1×E embedding as one token, or 1×C×H×W with every location a token.
func view(t *tensor.Dense, tokens string, prefix int) (tokenView, error) {
	s := t.Shape()
	if t.Dtype() != tensor.Float32 || len(s) < 2 || s[0] != 1 {
		return tokenView{}, fmt.Errorf("attack: an activation is %v %v; want float32 of batch 1", t.Dtype(), s)
	}
	switch len(s) {
	case 2:
		return tokenView{0, 1, s[1], s[1], 1}, nil
	case 4:
		return tokenView{0, s[2] * s[3], s[1], 1, s[2] * s[3]}, nil
	case 3:
		v := tokenView{0, s[1], s[2], s[2], 1}
		switch tokens {
		case "patch", "mean":
			v.lo = prefix
		case "cls":
			if prefix == 0 {
				return v, fmt.Errorf("attack: the encoder has no class token")
			}
			v.hi = 1
		}
		if v.lo >= v.hi {
			return v, fmt.Errorf("attack: an activation of shape %v has no %s tokens", s, tokens)
		}
		return v, nil
	}
	return tokenView{}, fmt.Errorf("attack: an activation has shape %v; want tokens, an embedding or a feature map", s)
}

func (v tokenView) n() int { return v.hi - v.lo }

func floats(t *tensor.Dense) []float32 { return t.Float32s() }

func zero(x []float32) {
	for i := range x {
		x[i] = 0
	}
}
