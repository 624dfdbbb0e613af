package graph

import (
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// move writes operators that only move elements; false if n is none of them.
func (e *emitter) move(n *Node, in []string) bool {
	y := n.Out[0]
	switch op := n.Op.(type) {
	case Reshape:
		e.give(y, e.reshape(in[0], op.To))
	case Transpose:
		e.give(y, e.transpose(in[0], op.Perm...))
	case Concat:
		e.give(y, e.emit("Concat", in, onnx.IntAttr("axis", int64(op.Axis))))
	case Slice:
		e.give(y, e.slice(op, in[0]))
	case Embed:
		e.give(y, e.embed(op, n.In[0].Shape, in[0]))
	case Pad:
		e.give(y, e.pad(in[0], op.Before, op.After, float64(op.Fill)))
	case Expand:
		e.give(y, e.emit("Expand", []string{in[0], e.vector(op.To)}))
	case Gather:
		e.give(y, e.emit("Gather", in, onnx.IntAttr("axis", int64(op.Axis))))
	case Scatter:
		e.give(y, e.scatter(op, n, in))
	case Put:
		if op.Fn != noBinary {
			return false
		}
		e.give(y, e.emit("ScatterND", []string{in[0], e.reshape(in[1], []int{n.In[1].Shape[0], 1}), in[2]}))
	case HeadRows:
		flat := e.reshape(in[0], []int{Size(n.In[0].Shape)})
		e.give(y, e.reshape(e.emit("Gather", []string{flat, e.ints(op.positions())}), y.Shape))
	case HeadRowsGrad:
		flat := e.reshape(in[0], []int{Size(n.In[0].Shape)})
		e.give(y, e.reshape(e.spread(flat, e.ints(op.positions()), Size(op.To)), op.To))
	case Patches:
		e.give(y, e.patches(op, n.In[0].Shape, in[0]))
	case Unpatch:
		e.give(y, e.unpatch(op, in[0]))
	default:
		return false
	}
	return true
}

func (e *emitter) slice(op Slice, x string) string {
	var axes []int
	ends := make([]int, len(op.Start))
	for i := range op.Start {
		axes = append(axes, i)
		ends[i] = op.Start[i] + op.Size[i]*op.Step[i]
		if ends[i] < 0 { // before the first element
			ends[i] = -1 << 40
		}
	}
	return e.emit("Slice", []string{x, e.vector(op.Start), e.vector(ends), e.vector(axes), e.vector(op.Step)})
}

func (e *emitter) pad(x string, before, after []int, fill float64) string {
	return e.emit("Pad", []string{x, e.vector(append(append([]int(nil), before...), after...)), e.number(fill)})
}

// embed pads, or spreads the elements where the slice had steps.
func (e *emitter) embed(op Embed, from []int, x string) string {
	if isForward(op.At.Step) {
		after := make([]int, len(op.To))
		for i := range after {
			after[i] = op.To[i] - op.At.Start[i] - op.At.Size[i]
		}
		return e.pad(x, op.At.Start, after, 0)
	}
	off, strides := op.At.view(op.To)
	at := NewTensor(Int64, Size(from))
	eachIndex(op.At.Size, func(i int, idx []int) { at.I[i] = int64(off + dot(idx, strides)) })
	return e.reshape(e.spread(e.reshape(x, []int{Size(from)}), e.ints(at), Size(op.To)), op.To)
}

// spread adds the elements of flat to zeros at positions.
func (e *emitter) spread(flat, at string, total int) string {
	zeros := e.emit("Expand", []string{e.number(0), e.vector([]int{total})})
	return e.emit("ScatterElements", []string{zeros, at, flat}, onnx.IntAttr("axis", 0), onnx.StringAttr("reduction", "add"))
}

// scatter adds rows along an axis, which is moved first.
func (e *emitter) scatter(op Scatter, n *Node, in []string) string {
	outer, size, inner := Gather{op.Axis}.split(op.To)
	count := Size(n.In[1].Shape)
	at := e.reshape(in[1], []int{count, 1})
	rows := e.transpose(e.reshape(in[0], []int{outer, count, inner}), 1, 0, 2)
	zeros := e.emit("Expand", []string{e.number(0), e.vector([]int{size, outer, inner})})
	sum := e.emit("ScatterND", []string{zeros, at, rows}, onnx.StringAttr("reduction", "add"))
	return e.reshape(e.transpose(sum, 1, 0, 2), op.To)
}

// positions lists where the rows' elements lie in the value they are read from.
func (o HeadRows) positions() *Tensor {
	shape, from, rows := o.layout()
	at := NewTensor(Int64, o.T*o.Heads*o.D)
	eachIndex(shape, func(_ int, idx []int) { at.I[dot(idx, rows)] = int64(o.At.Off + dot(idx, from)) })
	return at
}

// patches cuts an image: the pixels beyond the last whole patch are left out.
func (e *emitter) patches(op Patches, s []int, x string) string {
	h, w := s[2]/op.Ph, s[3]/op.Pw
	if h*op.Ph != s[2] || w*op.Pw != s[3] {
		x = e.slice(Slice{[]int{0, 0, 0, 0}, []int{1, 1, 1, 1}, []int{1, s[1], h * op.Ph, w * op.Pw}}, x)
	}
	x = e.reshape(x, []int{s[1], h, op.Ph, w, op.Pw})
	return e.reshape(e.transpose(x, 1, 3, 0, 2, 4), []int{1, h * w, s[1] * op.Ph * op.Pw})
}

func (e *emitter) unpatch(op Unpatch, x string) string {
	c, h, w := op.To[1], op.To[2]/op.Ph, op.To[3]/op.Pw
	x = e.transpose(e.reshape(x, []int{h, w, c, op.Ph, op.Pw}), 2, 0, 3, 1, 4)
	x = e.reshape(x, []int{1, c, h * op.Ph, w * op.Pw})
	if h*op.Ph == op.To[2] && w*op.Pw == op.To[3] {
		return x
	}
	return e.pad(x, []int{0, 0, 0, 0}, []int{0, 0, op.To[2] - h*op.Ph, op.To[3] - w*op.Pw}, 0)
}
