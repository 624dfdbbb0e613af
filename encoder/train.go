package encoder

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/train"
)

// Trainable is an encoder whose weights change. As an [Encoder] it runs with the weights of the last
// [Trainable.Sync]; its parameters are the tensors of the ONNX file that end up, as they are or
// rearranged, in linear layers, convolutions, normalisations, tokens and position embeddings.
type Trainable struct {
	*Model
	params   []*train.Param
	slots    map[*float32]*slot // by the memory of the constant
	order    []*slot
	programs []*trainProgram
	frozen   map[*train.Param]bool
	fixed    []string
	unread   []unread
}

// slot is a constant of the graph that is made of parameters.
type slot struct {
	data   []float32
	pieces []piece
}

// piece is the part of a slot that one parameter fills: element to[i] is the parameter's from[i], or all
// in order where both are nil.
type piece struct {
	param    *train.Param
	from, to []int32
}

// OpenTrainable is [Open] for training.
func OpenTrainable(path string, opts ...Option) (*Trainable, error) {
	m, err := Open(path, opts...)
	if err != nil {
		return nil, err
	}
	return m.Trainable()
}

// Trainable returns a copy of the model with weights of its own that can be trained.
func (m *Model) Trainable() (*Trainable, error) {
	o := m.options
	o.trace = true
	c, err := load(m.source, o)
	if err != nil {
		return nil, err
	}
	c.spec, c.plan = m.spec, m.plan
	t := &Trainable{Model: c, slots: map[*float32]*slot{}, frozen: map[*train.Param]bool{}}
	if err := t.promote(); err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", m.spec.Name, err)
	}
	if len(t.params) == 0 {
		return nil, fmt.Errorf("encoder: %s has no weights that can be trained", m.spec.Name)
	}
	return t, nil
}

// Params returns the parameters in the order in which the network uses them.
func (t *Trainable) Params() []*train.Param { return t.params }

// Fixed names weights that cannot be trained, because the file computes with them before they are used
// (quantised weights, for example).
func (t *Trainable) Fixed() []string { return t.fixed }

// Freeze leaves the parameters out of which keep is false: no gradient is computed for them.
func (t *Trainable) Freeze(keep func(*train.Param) bool) {
	t.programs = nil
	for _, p := range t.params {
		t.frozen[p] = !keep(p)
	}
}

// Sync makes the network use the parameters' current values. Nothing may run meanwhile.
func (t *Trainable) Sync() {
	t.restoreUnread()
	for _, s := range t.order {
		for _, p := range s.pieces {
			if p.from == nil {
				copy(s.data, p.param.Value)
				continue
			}
			for i, to := range p.to {
				s.data[to] = p.param.Value[p.from[i]]
			}
		}
	}
	t.weights.Repack()
}

// Save writes the model with the parameters' values into a copy of the original file: names, nodes,
// element types and operator set stay.
func (t *Trainable) Save(path string) error {
	t.restoreUnread()
	for _, p := range t.params {
		c := t.source.Tensor(p.Name)
		old := *c
		defer func() { *c = old }() // the model that was opened stays what it was
		if err := c.SetFloat32s(slices.Clone(p.Value)); err != nil {
			return fmt.Errorf("encoder: %s: %w", t.spec.Name, err)
		}
	}
	return t.source.Save(path)
}
