package graph

import (
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// window writes convolutions and pooling; false if n is none of them.
func (e *emitter) window(n *Node, in []string) bool {
	switch op := n.Op.(type) {
	case Conv:
		e.give(n.Out[0], e.emit("Conv", in, append(windowAttrs(op.Shape), onnx.IntAttr("group", int64(op.Shape.Groups)))...))
	case ConvGradInput:
		e.give(n.Out[0], e.convTranspose(op.Shape, in[0], in[1]))
	case Pool:
		e.pool(n, op, in)
	case PoolGrad:
		e.give(n.Out[0], e.poolGrad(op, in))
	default:
		return false
	}
	return true
}

func windowAttrs(s kernel.ConvShape) []*onnx.Attribute {
	return []*onnx.Attribute{
		onnx.IntsAttr("kernel_shape", int64(s.Kh), int64(s.Kw)), onnx.IntsAttr("strides", int64(s.Sh), int64(s.Sw)),
		onnx.IntsAttr("dilations", int64(s.Dh), int64(s.Dw)),
		onnx.IntsAttr("pads", int64(s.Pt), int64(s.Pl), int64(s.Pb), int64(s.Pr)),
	}
}

// convTranspose spreads dy over the image. What the last window did not reach becomes padding at the end.
func (e *emitter) convTranspose(s kernel.ConvShape, dy, w string) string {
	h := (s.Oh-1)*s.Sh + (s.Kh-1)*s.Dh + 1
	v := (s.Ow-1)*s.Sw + (s.Kw-1)*s.Dw + 1
	full := s
	full.Pt, full.Pl, full.Pb, full.Pr = 0, 0, 0, 0
	x := e.emit("ConvTranspose", []string{dy, w}, append(windowAttrs(full), onnx.IntAttr("group", int64(s.Groups)))...)
	return e.pad(x, []int{0, 0, -s.Pt, -s.Pl}, []int{0, 0, s.H + s.Pt - h, s.W + s.Pl - v}, 0)
}

func (e *emitter) pool(n *Node, op Pool, in []string) {
	s := op.Shape
	floor := kernel.OutputSize(s.H, s.Kh, s.Sh, s.Dh, s.Pt, s.Pb, false) == s.Oh && kernel.OutputSize(s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr, false) == s.Ow
	attrs := append(windowAttrs(s), flag("ceil_mode", !floor))
	if op.Max {
		y, at := e.unique("t"), e.unique("t")
		e.model.Graph.AddNode("MaxPool", in, []string{y, at}, attrs...)
		e.give(n.Out[0], y)
		e.give(n.Out[1], at)
		return
	}
	// Sums of windows, by a convolution with ones, over their number of pixels: exact for every padding
	// rule and dilation.
	sum := e.emit("Conv", []string{e.padTo(s, in[0]), e.windowOnes(s)}, append(windowAttrs(noPads(s)), onnx.IntAttr("group", int64(s.C)))...)
	e.give(n.Out[0], e.mul(sum, e.name(Constant(shares(op)))))
}

func noPads(s kernel.ConvShape) kernel.ConvShape {
	s.Pt, s.Pl, s.Pb, s.Pr = 0, 0, 0, 0
	return s
}

// padTo pads an image with zeros as far as the windows reach.
func (e *emitter) padTo(s kernel.ConvShape, x string) string {
	h := (s.Oh-1)*s.Sh + (s.Kh-1)*s.Dh + 1
	w := (s.Ow-1)*s.Sw + (s.Kw-1)*s.Dw + 1
	return e.pad(x, []int{0, 0, s.Pt, s.Pl}, []int{0, 0, h - s.H - s.Pt, w - s.W - s.Pl}, 0)
}

func (e *emitter) windowOnes(s kernel.ConvShape) string {
	return e.reshape(e.ones(s.C*s.Kh*s.Kw), []int{s.C, 1, s.Kh, s.Kw})
}

// shares is 1 over the number of pixels that each window averages.
func shares(op Pool) *Tensor {
	s := op.Shape
	t := NewTensor(Float32, 1, 1, s.Oh, s.Ow)
	inside := func(i, stride, k, dilation, before, after, n int) (count, padded int) {
		for j := range k {
			switch at := i*stride + j*dilation - before; {
			case at >= 0 && at < n:
				count, padded = count+1, padded+1
			case at >= -before && at < n+after:
				padded++
			}
		}
		return count, padded
	}
	for i := range s.Oh {
		ch, ph := inside(i, s.Sh, s.Kh, s.Dh, s.Pt, s.Pb, s.H)
		for j := range s.Ow {
			cw, pw := inside(j, s.Sw, s.Kw, s.Dw, s.Pl, s.Pr, s.W)
			n := ch * cw
			if op.IncludePad {
				n = ph * pw
			}
			t.F[i*s.Ow+j] = 0
			if n > 0 {
				t.F[i*s.Ow+j] = 1 / float32(n)
			}
		}
	}
	return t
}

func (e *emitter) poolGrad(op PoolGrad, in []string) string {
	s := op.Shape
	if op.Max {
		n := s.C * s.Oh * s.Ow
		sum := e.spread(e.reshape(in[0], []int{n}), e.reshape(in[1], []int{n}), s.C*s.H*s.W)
		return e.reshape(sum, []int{1, s.C, s.H, s.W})
	}
	s.Groups, s.Oc = s.C, s.C
	return e.convTranspose(s, e.mul(in[0], e.name(Constant(shares(Pool(op))))), e.windowOnes(s))
}
