package encoder

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// planar is a stage of a convolutional encoder as 1×C×H×W, whichever way around the file keeps its maps.
func (m *Model) planar(v *graph.Value) *graph.Value {
	if v == nil || len(v.Shape) != 4 || !mapsLast(v, maxBehind) {
		return v
	}
	perm := []int{0, 3, 1, 2}
	for _, n := range m.base.Users()[v] {
		if op, is := n.Op.(graph.Transpose); is && slices.Equal(op.Perm, perm) {
			return n.Out[0]
		}
	}
	return m.base.Transpose(v, perm)
}

// mapsLast says that the channels lie last: it follows a map back to the operator that gave it its order: transpositions say it, linear layers and
// normalisations of rows work on channels that lie last.
func mapsLast(v *graph.Value, depth int) bool {
	if v.Def == nil || depth == 0 || len(v.Shape) != 4 {
		return false
	}
	switch op := v.Def.Op.(type) {
	case graph.Transpose:
		return slices.Equal(op.Perm, []int{0, 2, 3, 1})
	case graph.Linear, graph.LayerNorm, graph.RMSNorm:
		return true
	case graph.Unary, graph.Binary:
		for _, in := range v.Def.In {
			if in.Const == nil && graph.SameShape(in.Shape, v.Shape) {
				return mapsLast(in, depth-1)
			}
		}
	}
	return false
}
