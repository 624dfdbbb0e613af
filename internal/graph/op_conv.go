package graph

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Conv is a two-dimensional convolution of one image. Inputs: x [1,C,H,W], w [Oc,C/Groups,Kh,Kw], then
// bias [Oc] if Bias.
type Conv struct {
	Shape kernel.ConvShape
	Bias  bool
}

func (o Conv) String() string {
	s := o.Shape
	return fmt.Sprintf("Conv(%d×%d stride=%d,%d groups=%d)", s.Kh, s.Kw, s.Sh, s.Sw, s.Groups)
}

func (o Conv) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, []int{1, o.Shape.Oc, o.Shape.Oh, o.Shape.Ow}}}, nil
}

func (o Conv) Bind(b *Binder, in, out []*Tensor) func() {
	var bias []float32
	if o.Bias {
		bias = in[2].F
	}
	s := o.Shape
	scratch := b.Scratch(kernel.Conv2DScratch(&s))
	return func() { kernel.Conv2D(out[0].F, in[0].F, in[1].F, bias, &s, scratch(0)) }
}

func (o Conv) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil {
		return out
	}
	if need[0] {
		out[0] = g.emit(ConvGradInput{o.Shape}, dy[0], n.In[1])
	}
	if need[1] {
		out[1] = g.emit(ConvGradWeight{o.Shape}, dy[0], n.In[0])
	}
	if o.Bias && need[2] {
		out[2] = g.emit(newReduce(kernel.Sum, []int{0, 2, 3}, false), dy[0])
	}
	return out
}

// ConvGradInput is the cotangent of Conv's image from inputs dy, w.
type ConvGradInput struct{ Shape kernel.ConvShape }

func (o ConvGradInput) String() string { return "ConvGradInput" }

func (o ConvGradInput) Infer(in []*Value) ([]Type, error) {
	return []Type{{Float32, []int{1, o.Shape.C, o.Shape.H, o.Shape.W}}}, nil
}

func (o ConvGradInput) Bind(b *Binder, in, out []*Tensor) func() {
	s := o.Shape
	scratch := b.Scratch(kernel.Conv2DScratch(&s))
	return func() { kernel.Conv2DGradInput(out[0].F, in[0].F, in[1].F, &s, scratch(0)) }
}

// Grad implements Differentiable: the adjoint of the adjoint is the convolution.
func (o ConvGradInput) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	out := make([]*Value, 2)
	if dy[0] == nil {
		return out
	}
	if need[0] {
		out[0] = g.emit(Conv{o.Shape, false}, dy[0], n.In[1])
	}
	if need[1] {
		out[1] = g.emit(ConvGradWeight{o.Shape}, n.In[0], dy[0])
	}
	return out
}

// ConvGradWeight is the cotangent of Conv's weights from inputs dy, x.
type ConvGradWeight struct{ Shape kernel.ConvShape }

func (o ConvGradWeight) String() string { return "ConvGradWeight" }

func (o ConvGradWeight) Infer(in []*Value) ([]Type, error) {
	s := o.Shape
	return []Type{{Float32, []int{s.Oc, s.C / s.Groups, s.Kh, s.Kw}}}, nil
}

func (o ConvGradWeight) Bind(b *Binder, in, out []*Tensor) func() {
	s := o.Shape
	scratch := b.Scratch(kernel.Conv2DScratch(&s))
	return func() {
		clear(out[0].F)
		kernel.Conv2DGradWeight(out[0].F, in[0].F, in[1].F, &s, scratch(0))
	}
}

// Patches cuts an image [1,C,H,W] into H/Ph·W/Pw rows of C·Ph·Pw pixels; a remainder at the right and
// bottom is not seen.
type Patches struct{ Ph, Pw int }

func (o Patches) String() string { return fmt.Sprintf("Patches(%d×%d)", o.Ph, o.Pw) }

func (o Patches) Infer(in []*Value) ([]Type, error) {
	s := in[0].Shape
	return []Type{{Float32, []int{1, (s[2] / o.Ph) * (s[3] / o.Pw), s[1] * o.Ph * o.Pw}}}, nil
}

func (o Patches) Bind(b *Binder, in, out []*Tensor) func() {
	s := in[0].Shape
	return func() { kernel.Patchify(out[0].F, in[0].F, s[1], s[2], s[3], o.Ph, o.Pw) }
}

func (o Patches) Grad(g *Graph, n *Node, dy []*Value, need []bool) []*Value {
	if dy[0] == nil {
		return []*Value{nil}
	}
	return []*Value{g.emit(Unpatch{o, n.In[0].Shape}, dy[0])}
}

// Unpatch is the adjoint of Patches: the image of shape To, zero in the unseen remainder.
type Unpatch struct {
	Patches
	To []int
}

func (o Unpatch) String() string { return "Un" + o.Patches.String() }

func (o Unpatch) Infer(in []*Value) ([]Type, error) { return []Type{{Float32, o.To}}, nil }

func (o Unpatch) Bind(b *Binder, in, out []*Tensor) func() {
	return func() { kernel.Unpatchify(out[0].F, in[0].F, o.To[1], o.To[2], o.To[3], o.Ph, o.Pw) }
}

// Conv emits a convolution as what it amounts to: a linear layer over pixels (1×1) or over patches
// (stride = kernel, no padding), else a Conv.
func (g *Graph) Conv(x, w, bias *Value, s kernel.ConvShape) *Value {
	noPad := s.Pt == 0 && s.Pl == 0 && s.Pb == 0 && s.Pr == 0
	dense := s.Groups == 1 && noPad && s.Dh == 1 && s.Dw == 1 && w.Const != nil && x.Const == nil
	if !dense || s.Sh != s.Kh || s.Sw != s.Kw {
		in := []*Value{x, w}
		if bias != nil {
			in = append(in, bias)
		}
		return g.emit(Conv{s, bias != nil}, in...)
	}
	rows := g.Reshape(g.Transpose(x, []int{0, 2, 3, 1}), []int{1, s.H * s.W, s.C})
	if s.Kh*s.Kw > 1 {
		rows = g.emit(Patches{s.Kh, s.Kw}, x)
	}
	flat := g.Reshape(w, []int{s.Oc, s.C * s.Kh * s.Kw})
	y := g.linear(rows, flat, bias, true)
	y = g.Reshape(y, []int{1, s.Oh, s.Ow, s.Oc})
	return g.Transpose(y, []int{0, 3, 1, 2})
}

// linear emits x·W (+ bias).
func (g *Graph) linear(x, w, bias *Value, trans bool) *Value {
	if bias == nil {
		return g.emit(Linear{TransW: trans}, x, w)
	}
	return g.emit(Linear{TransW: trans, Bias: true}, x, w, g.Reshape(bias, []int{Size(bias.Shape)}))
}
