package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// strided is a value seen as elements of an earlier one, times a number.
type strided struct {
	base           *Value
	off            int
	shape, strides []int
	scale          float64
}

// dense is v seen as itself.
func dense(v *Value) strided {
	return strided{v, 0, v.Shape, Strides(v.Shape), 1}
}

// viewOf follows reshapes, transpositions, slices and multiplications by a number back from v, as far as
// the elements can still be addressed with strides.
func viewOf(v *Value) strided { return viewWithin(v, maxView) }

// maxView bounds how many operators a view looks through.
const maxView = 64

func viewWithin(v *Value, depth int) strided {
	if v.Def == nil || depth == 0 {
		return dense(v)
	}
	switch op := v.Def.Op.(type) {
	case Reshape:
		in := viewWithin(v.Def.In[0], depth-1)
		if strides, ok := restride(in.shape, in.strides, op.To); ok {
			return strided{in.base, in.off, op.To, strides, in.scale}
		}
	case Transpose:
		in := viewWithin(v.Def.In[0], depth-1)
		out := strided{in.base, in.off, v.Shape, make([]int, len(op.Perm)), in.scale}
		for i, p := range op.Perm {
			out.strides[i] = in.strides[p]
		}
		return out
	case Slice:
		in := viewWithin(v.Def.In[0], depth-1)
		out := strided{in.base, in.off, v.Shape, slices.Clone(in.strides), in.scale}
		for i, s := range in.strides {
			out.off += op.Start[i] * s
			out.strides[i] *= op.Step[i]
		}
		return out
	case Binary:
		return scaledView(v, op, depth)
	}
	return dense(v)
}

func scaledView(v *Value, op Binary, depth int) strided {
	for i, x := range v.Def.In {
		c, ok := scalarConst(v.Def.In[1-i])
		if !ok || x.Const != nil || !SameShape(x.Shape, v.Shape) {
			continue
		}
		switch {
		case op.Fn == kernel.Mul:
		case op.Fn == kernel.Div && i == 0:
			c = 1 / c
		default:
			return dense(v)
		}
		in := viewWithin(x, depth-1)
		in.scale *= c
		return in
	}
	return dense(v)
}

// restride finds strides for another shape of the same elements, if there are any.
func restride(shape, strides, to []int) ([]int, bool) {
	var s, st []int // without axes of length 1, neighbours merged where memory runs on
	for i, n := range shape {
		if n == 1 {
			continue
		}
		if k := len(s); k > 0 && st[k-1] == n*strides[i] {
			s[k-1], st[k-1] = s[k-1]*n, strides[i]
			continue
		}
		s, st = append(s, n), append(st, strides[i])
	}
	out := make([]int, len(to))
	axis, left := len(s)-1, 0
	step := 1
	for i := len(to) - 1; i >= 0; i-- {
		if to[i] == 1 {
			out[i] = step
			continue
		}
		if left == 0 {
			if axis < 0 {
				return nil, false
			}
			left, step = s[axis], st[axis]
			axis--
		}
		if left%to[i] != 0 {
			return nil, false
		}
		out[i] = step
		step *= to[i]
		if left /= to[i]; left == 1 {
			left = 0
		}
	}
	return out, true
}

// whole tells whether the view is all of its base in order.
func (s strided) whole() bool {
	if s.off != 0 || s.scale != 1 || Size(s.shape) != Size(s.base.Shape) {
		return false
	}
	own := Strides(s.shape)
	for i, n := range s.shape {
		if n != 1 && s.strides[i] != own[i] {
			return false
		}
	}
	return true
}
