package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

func importMatMul(c *call) []*Value { return one(c.g().MatMul(c.in(0), c.in(1))) }

// importGemm is alpha·op(A)·op(B) + beta·C.
func importGemm(c *call) []*Value {
	g, a, b := c.g(), c.in(0), c.in(1)
	alpha, beta := c.float("alpha", 1), c.float("beta", 1)
	ta, tb := c.int("transA", 0) == 1, c.int("transB", 0) == 1
	if len(a.Shape) != 2 || len(b.Shape) != 2 {
		fail("shapes %v and %v are not matrices", a.Shape, b.Shape)
	}
	var bias *Value
	if c.has(2) {
		bias = c.in(2)
		if beta != 1 {
			bias = g.Mul(bias, scalar(beta))
		}
	}
	if ta || alpha != 1 || b.Const == nil || a.Const != nil {
		y := g.emit(MatMul{ta, tb, alpha}, a, b)
		if bias != nil {
			y = g.Add(y, bias)
		}
		return one(y)
	}
	n := b.Shape[1]
	if tb {
		n = b.Shape[0]
	}
	if bias == nil || bias.Const != nil && isRow(bias.Shape, n) {
		return one(g.linear(a, b, bias, tb))
	}
	return one(g.Add(g.linear(a, b, nil, tb), bias))
}

// isRow tells whether a tensor of this shape is one row of n.
func isRow(shape []int, n int) bool {
	return Size(shape) == n && len(shape) > 0 && shape[len(shape)-1] == n
}

func importConv(c *call) []*Value { return one(c.conv(c.in(0), c.in(1), c.opt(2))) }

// importConvTranspose is the adjoint of a convolution of the same weights [C,Oc/group,Kh,Kw].
func importConvTranspose(c *call) []*Value {
	g, x, w := c.g(), c.in(0), c.in(1)
	flat := len(x.Shape) == 3 && len(w.Shape) == 3
	if flat {
		x = g.Reshape(x, []int{x.Shape[0], x.Shape[1], 1, x.Shape[2]})
		w = g.Reshape(w, []int{w.Shape[0], w.Shape[1], 1, w.Shape[2]})
	}
	if len(x.Shape) != 4 || len(w.Shape) != 4 || x.Shape[0] != 1 || w.Shape[0] != x.Shape[1] {
		fail("transposed convolution of shape %v with weights %v; images [1,C,H,W] are supported", x.Shape, w.Shape)
	}
	s := c.transposedWindow(x.Shape, w.Shape, flat)
	check(s.Validate())
	y := g.emit(ConvGradInput{s}, x, w)
	if c.has(2) {
		y = g.Add(y, g.Reshape(c.in(2), channelShape(y.Shape)))
	}
	if flat {
		y = g.Reshape(y, []int{1, y.Shape[1], y.Shape[3]})
	}
	return one(y)
}

// transposedWindow is the geometry of the convolution whose output is x.
func (c *call) transposedWindow(x, w []int, flat bool) kernel.ConvShape {
	groups := c.int("group", 1)
	if groups < 1 {
		fail("%d groups", groups)
	}
	s := c.window([]int{1, w[1] * groups, 1 << 20, 1 << 20}, w[2], w[3]) // strides, dilations, pads
	s.Oc, s.Groups, s.Oh, s.Ow = x[1], groups, x[2], x[3]
	last := func(list []int, i, def int) int {
		if len(list) == 0 {
			return def
		}
		if flat {
			if i == 0 {
				return def
			}
			return list[0]
		}
		return list[i]
	}
	extra, sizes, mode := c.ints("output_padding"), c.ints("output_shape"), c.str("auto_pad", "NOTSET")
	side := func(i, in, k, stride, dilation int, before, after *int) int {
		full := stride*(in-1) + last(extra, i, 0) + (k-1)*dilation + 1
		if mode != "SAME_UPPER" && mode != "SAME_LOWER" && len(sizes) == 0 {
			return full - *before - *after
		}
		n := last(sizes, i, in*stride)
		if flat && i == 0 {
			n = 1
		}
		total := max(full-n, 0)
		*before, *after = total/2, total-total/2
		if mode == "SAME_LOWER" {
			*before, *after = *after, *before
		}
		return n
	}
	s.H = side(0, x[2], s.Kh, s.Sh, s.Dh, &s.Pt, &s.Pb)
	s.W = side(1, x[3], s.Kw, s.Sw, s.Dw, &s.Pl, &s.Pr)
	if s.H < 1 || s.W < 1 || s.H > 1<<16 || s.W > 1<<16 {
		fail("a result of %d×%d", s.H, s.W)
	}
	return s
}

// conv imports a one- or two-dimensional convolution.
func (c *call) conv(x, w, bias *Value) *Value {
	g := c.g()
	if k := c.ints("kernel_shape"); k != nil && len(w.Shape) > 2 && len(k) == len(w.Shape)-2 && !slices.Equal(k, w.Shape[2:]) && len(x.Shape) == len(w.Shape) {
		fail("kernel_shape %v for weights %v", k, w.Shape)
	}
	if len(x.Shape) == 3 && len(w.Shape) == 3 {
		y := c.conv(g.Reshape(x, append([]int{1}, x.Shape[1], 1, x.Shape[2])), g.Reshape(w, []int{w.Shape[0], w.Shape[1], 1, w.Shape[2]}), bias)
		return g.Reshape(y, []int{1, y.Shape[1], y.Shape[3]})
	}
	if len(x.Shape) != 4 || len(w.Shape) != 4 {
		fail("convolution of shape %v with weights %v; one and two dimensions are supported", x.Shape, w.Shape)
	}
	if x.Shape[0] != 1 {
		fail("input of shape %v: the first axis must be the batch, which is one image here", x.Shape)
	}
	s := c.window(x.Shape, w.Shape[2], w.Shape[3])
	s.Oc, s.Groups = w.Shape[0], c.int("group", 1)
	check(s.Validate())
	if w.Shape[1]*s.Groups != s.C || bias != nil && Size(bias.Shape) != s.Oc {
		fail("weights %v and %d groups do not fit input %v", w.Shape, s.Groups, x.Shape)
	}
	return g.Conv(x, w, bias, s)
}

// window reads strides, dilations and pads for a kh×kw window over [1,C,H,W]; attributes of
// one-dimensional operators apply to the width.
func (c *call) window(x []int, kh, kw int) kernel.ConvShape {
	pair := func(name string, def int) (a, b int) {
		switch v := c.ints(name); len(v) {
		case 0:
			return def, def
		case 1: // of a one-dimensional operator
			return def, v[0]
		default:
			return v[0], v[1]
		}
	}
	s := kernel.ConvShape{C: x[1], H: x[2], W: x[3], Oc: x[1], Kh: kh, Kw: kw, Groups: x[1]}
	s.Sh, s.Sw = pair("strides", 1)
	s.Dh, s.Dw = pair("dilations", 1)
	switch p := c.ints("pads"); len(p) {
	case 4:
		s.Pt, s.Pl, s.Pb, s.Pr = p[0], p[1], p[2], p[3]
	case 2:
		s.Pl, s.Pr = p[0], p[1]
	}
	if s.Sh < 1 || s.Sw < 1 || s.Dh < 1 || s.Dw < 1 || kh < 1 || kw < 1 {
		fail("window %d×%d with strides %d,%d and dilations %d,%d", kh, kw, s.Sh, s.Sw, s.Dh, s.Dw)
	}
	switch mode := c.str("auto_pad", "NOTSET"); mode {
	case "NOTSET", "":
	case "VALID":
		s.Pt, s.Pl, s.Pb, s.Pr = 0, 0, 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		s.Pt, s.Pb = samePad(s.H, kh, s.Sh, s.Dh, mode == "SAME_LOWER")
		s.Pl, s.Pr = samePad(s.W, kw, s.Sw, s.Dw, mode == "SAME_LOWER")
	default:
		fail("auto_pad %q is not known", mode)
	}
	ceil := c.int("ceil_mode", 0) == 1
	s.Oh = kernel.OutputSize(s.H, kh, s.Sh, s.Dh, s.Pt, s.Pb, ceil)
	s.Ow = kernel.OutputSize(s.W, kw, s.Sw, s.Dw, s.Pl, s.Pr, ceil)
	return s
}

// samePad is the padding with which the output has ⌈n/stride⌉ elements.
func samePad(n, k, stride, dilation int, lower bool) (before, after int) {
	out := (n + stride - 1) / stride
	total := max((out-1)*stride+(k-1)*dilation+1-n, 0)
	if lower {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

func importPool(isMax bool) func(*call) []*Value {
	return func(c *call) []*Value {
		if len(c.n.Outputs) > 1 && c.n.Outputs[1] != "" {
			fail("the positions of the largest elements, output %q, are not supported", c.n.Outputs[1])
		}
		return one(c.pool(c.in(0), isMax))
	}
}

// pool takes the largest or the mean of windows.
func (c *call) pool(x *Value, isMax bool) *Value {
	k := c.ints("kernel_shape")
	flat := len(x.Shape) == 3 && len(k) == 1
	if flat { // one-dimensional
		x, k = c.g().Reshape(x, []int{x.Shape[0], x.Shape[1], 1, x.Shape[2]}), []int{1, k[0]}
	}
	if len(x.Shape) != 4 || len(k) != 2 || x.Shape[0] != 1 {
		fail("pooling of shape %v with window %v; images [1,C,H,W] and rows [1,C,L] are supported", x.Shape, k)
	}
	s := c.window(x.Shape, k[0], k[1])
	check(s.Validate())
	y := c.g().emit(Pool{Max: isMax, IncludePad: c.int("count_include_pad", 0) == 1, Shape: s}, x)
	if flat {
		y = c.g().Reshape(y, []int{1, y.Shape[1], y.Shape[3]})
	}
	return y
}

func globalPool(k kernel.Reduce) func(*call) []*Value {
	return func(c *call) []*Value { return one(c.g().overPlaces(k, c.in(0))) }
}

// overPlaces reduces all axes behind the channels.
func (g *Graph) overPlaces(k kernel.Reduce, x *Value) *Value {
	var over []int
	for i := 2; i < len(x.Shape); i++ {
		over = append(over, i)
	}
	return g.emit(newReduce(k, over, true), x)
}
