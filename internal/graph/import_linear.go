package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

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

// conv imports a one- or two-dimensional convolution.
func (c *call) conv(x, w, bias *Value) *Value {
	g := c.g()
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
		case 1:
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
		x, k := c.in(0), c.ints("kernel_shape")
		if len(x.Shape) != 4 || len(k) != 2 || x.Shape[0] != 1 {
			fail("pooling of shape %v with window %v; images [1,C,H,W] are supported", x.Shape, k)
		}
		s := c.window(x.Shape, k[0], k[1])
		check(s.Validate())
		return one(c.g().emit(Pool{Max: isMax, IncludePad: c.int("count_include_pad", 0) == 1, Shape: s}, x))
	}
}

func globalPool(k kernel.Reduce) func(*call) []*Value {
	return func(c *call) []*Value {
		x := c.in(0)
		var over []int
		for i := 2; i < len(x.Shape); i++ {
			over = append(over, i)
		}
		return one(c.g().emit(newReduce(k, over, true), x))
	}
}
