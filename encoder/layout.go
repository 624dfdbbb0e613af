package encoder

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/graph"
)

// layout is the shape in which a tap is shown: one image's shape and where the batch goes.
type layout struct {
	shape []int // with length 1 at the batch axis
	batch int
}

// layoutOf is B×T×D for token taps, B×E for the embedding, B×C×H×W for convolutional stages; a tensor
// tapped by its ONNX name keeps its own layout, its batch being the first axis of length 1.
func (m *Model) layoutOf(t Tap, v *graph.Value) layout {
	if m.found[t] != nil {
		switch {
		case t == Embedding:
			return layout{[]int{1, graph.Size(v.Shape)}, 0}
		case m.spec.Tokens > 0:
			width := graph.Size(v.Shape) / m.spec.Tokens
			return layout{[]int{1, m.spec.Tokens, width}, 0}
		}
	}
	if i := slices.Index(v.Shape, 1); i >= 0 {
		return layout{slices.Clone(v.Shape), i}
	}
	return layout{append([]int{1}, v.Shape...), 0}
}

// tensor is what a trace over n images shows: for one image the execution's own memory.
func (l layout) tensor(n int, runs []run, v *graph.Value) *tensor.Dense {
	shape := slices.Clone(l.shape)
	shape[l.batch] = n
	opts := []tensor.ConsOpt{tensor.Of(tensor.Float32), tensor.WithShape(shape...)}
	if n == 1 {
		opts = append(opts, tensor.WithBacking(runs[0].state.Values(v)))
	}
	return tensor.New(opts...)
}

// blocks gives how many runs of memory an image has, and how long each is.
func (l layout) blocks() (count, length int) {
	return graph.Size(l.shape[:l.batch]), graph.Size(l.shape[l.batch:])
}

// join copies the images' values side by side.
func (l layout) join(dst *tensor.Dense, runs []run, v *graph.Value) {
	if len(runs) == 1 {
		return
	}
	for b, r := range runs {
		l.copyOut(dst.Float32s(), len(runs), b, r.state, v)
	}
}

// split copies each image's part of a cotangent to its execution; nil is zero.
func (l layout) split(src *tensor.Dense, runs []run, v *graph.Value) {
	count, length := l.blocks()
	for b := range runs {
		d := runs[b].state.Values(v)
		if src == nil {
			clear(d)
			continue
		}
		s := src.Float32s()
		for i := range count {
			copy(d[i*length:][:length], s[(i*len(runs)+b)*length:])
		}
	}
}

// copyOut copies one image's values to its place in dst, which shows n images. Integers become floats, which
// is exact up to 2²⁴.
func (l layout) copyOut(dst []float32, n, b int, s *engine.State, v *graph.Value) {
	count, length := l.blocks()
	src := s.Values(v)
	if v.DType != graph.Float32 {
		src = src[:0:0]
		for _, k := range s.Ints(v) {
			src = append(src, float32(k))
		}
	}
	for i := range count {
		copy(dst[(i*n+b)*length:][:length], src[i*length:])
	}
}
