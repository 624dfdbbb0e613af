package attack

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Ensemble is several surrogate encoders attacked together: objectives are bound to each (so that
// layers such as "all" mean each one's own) and their mean is optimised. As an [encoder.Encoder] it is
// the first member, and the tap "k/name" is the tap name of member k.
type Ensemble struct{ members []encoder.Encoder }

// NewEnsemble returns the ensemble of one or more encoders.
func NewEnsemble(members ...encoder.Encoder) (*Ensemble, error) {
	if len(members) == 0 {
		return nil, errors.New("attack: an ensemble needs at least one encoder")
	}
	return &Ensemble{append([]encoder.Encoder(nil), members...)}, nil
}

// Spec is that of the first member, named after all.
func (e *Ensemble) Spec() encoder.Spec {
	names := make([]string, len(e.members))
	for i, m := range e.members {
		names[i] = m.Spec().Name
	}
	s := e.members[0].Spec()
	s.Name = strings.Join(names, "+")
	return s
}

// route returns the member and its tap that a tap names.
func (e *Ensemble) route(t encoder.Tap) (int, encoder.Tap, error) {
	head, rest, ok := strings.Cut(string(t), "/")
	k, err := strconv.Atoi(head)
	if !ok || err != nil {
		return 0, t, nil
	}
	if k < 0 || k >= len(e.members) {
		return 0, t, fmt.Errorf("attack: tap %s: the ensemble has %d members", t, len(e.members))
	}
	return k, encoder.Tap(rest), nil
}

// Trace implements encoder.Encoder: it runs the members whose taps are asked for.
func (e *Ensemble) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	t := &ensembleTrace{of: make([][2]int, len(taps)), traces: make([]encoder.Trace, len(e.members))}
	per := make([][]encoder.Tap, len(e.members))
	for i, tap := range taps {
		k, local, err := e.route(tap)
		if err != nil {
			return nil, err
		}
		t.of[i] = [2]int{k, len(per[k])}
		per[k] = append(per[k], local)
	}
	for k, m := range e.members {
		if len(per[k]) == 0 {
			continue
		}
		tr, err := m.Trace(ctx, images, per[k]...)
		if err != nil {
			t.Close()
			return nil, err
		}
		t.traces[k] = tr
	}
	for _, x := range images {
		t.sum = append(t.sum, tensor.New(tensor.WithShape(x.Shape()...), tensor.Of(tensor.Float32)))
	}
	t.per = per
	return t, nil
}

type ensembleTrace struct {
	of     [][2]int // member and index there of every tap
	per    [][]encoder.Tap
	traces []encoder.Trace
	sum    []*tensor.Dense
}

func (t *ensembleTrace) Activation(i int) *tensor.Dense {
	return t.traces[t.of[i][0]].Activation(t.of[i][1])
}

func (t *ensembleTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	if len(cotangents) != len(t.of) {
		return nil, fmt.Errorf("attack: %d cotangents for %d taps", len(cotangents), len(t.of))
	}
	for _, s := range t.sum {
		zero(floats(s))
	}
	for k, tr := range t.traces {
		if tr == nil {
			continue
		}
		cot := make([]*tensor.Dense, len(t.per[k]))
		for i, c := range cotangents {
			if t.of[i][0] == k {
				cot[t.of[i][1]] = c
			}
		}
		grads, err := tr.VJP(ctx, cot)
		if err != nil {
			return nil, err
		}
		for b, g := range grads {
			s := floats(t.sum[b])
			for i, v := range floats(g) {
				s[i] += v
			}
		}
	}
	return t.sum, nil
}

func (t *ensembleTrace) Close() {
	for _, tr := range t.traces {
		if tr != nil {
			tr.Close()
		}
	}
}
