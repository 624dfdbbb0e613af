package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Pool makes one vector of a tap's activation.
type Pool string

// The ways to pool.
const (
	PoolNone  Pool = ""      // the tap is a vector already
	PoolFirst Pool = "first" // the first token (class token)
	PoolMean  Pool = "mean"  // mean of the patch tokens
)

// Source is where a head takes its feature vector from.
type Source struct {
	Tap    encoder.Tap `json:"tap"`
	Pool   Pool        `json:"pool,omitempty"`
	Prefix int         `json:"prefix,omitempty"` // tokens before the patches; needed by PoolMean
	Width  int         `json:"width"`            // length of the vector
}

// EmbeddingSource takes the pooled output of an encoder.
func EmbeddingSource(s encoder.Spec) Source {
	return Source{Tap: encoder.Embedding, Width: s.Embedding}
}

// TokenSource takes the mean patch token at a token tap.
func TokenSource(s encoder.Spec, tap encoder.Tap) Source {
	return Source{Tap: tap, Pool: PoolMean, Prefix: s.Prefix(), Width: s.Width}
}

func (s Source) validate(head string) error {
	if s.Width < 1 || s.Width > 1<<20 || s.Prefix < 0 || s.Prefix > 1<<20 {
		return fmt.Errorf("head %s: source of width %d with %d prefix tokens", head, s.Width, s.Prefix)
	}
	switch s.Pool {
	case PoolNone, PoolFirst, PoolMean:
		return nil
	}
	return fmt.Errorf("head %s: pooling %q is not known", head, s.Pool)
}

// vector pools the i-th activation. The result may share the input's memory.
func (s Source) vector(head string, in Input, i int) ([]float32, error) {
	if s.Pool == PoolNone {
		return in.vector(head, i, s.Width)
	}
	a, err := in.matrix(head, i, -1, s.Width)
	if err != nil {
		return nil, err
	}
	if a.Shape[0] <= s.Prefix {
		return nil, fmt.Errorf("head %s: %d tokens of which %d are prefix", head, a.Shape[0], s.Prefix)
	}
	if s.Pool == PoolFirst {
		return a.Row(0), nil
	}
	sum := make([]float64, s.Width)
	for t := s.Prefix; t < a.Shape[0]; t++ {
		for j, v := range a.Row(t) {
			sum[j] += float64(v)
		}
	}
	out := make([]float32, s.Width)
	for j, v := range sum {
		out[j] = float32(v / float64(a.Shape[0]-s.Prefix))
	}
	return out, nil
}

// back spreads the vector's cotangent over the i-th activation.
func (s Source) back(in Input, i int, d []float32) Activation {
	if s.Pool == PoolNone {
		return Activation{Shape: in.Acts[i].Shape, Data: d}
	}
	out := in.Acts[i].Zeros()
	if s.Pool == PoolFirst {
		copy(out.Row(0), d)
		return out
	}
	n := float32(out.Shape[0] - s.Prefix)
	for t := s.Prefix; t < out.Shape[0]; t++ {
		for j, v := range d {
			out.Row(t)[j] = v / n
		}
	}
	return out
}

// rows pools every image.
func (s Source) rows(head string, feats []Features) ([][]float32, error) {
	out := make([][]float32, len(feats))
	for i := range feats {
		in, err := feats[i].Input([]encoder.Tap{s.Tap})
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", head, err)
		}
		if out[i], err = s.vector(head, in, 0); err != nil {
			return nil, fmt.Errorf("%w (image %s)", err, feats[i].Sample.ID)
		}
	}
	return out, nil
}
