package graph

import (
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// node writes one node of the graph as standard operators.
func (e *emitter) node(n *Node) {
	in := e.in(n)
	y := n.Out[0]
	switch op := n.Op.(type) {
	case Unary:
		e.give(y, e.unary(op.Fn, in[0]))
	case UnaryGrad:
		e.give(y, e.mul(in[0], e.slope(op.Fn, in[1])))
	case Binary:
		e.give(y, e.binary(op.Fn, in[0], in[1], n.In[0].DType))
	case Logic:
		name := map[string]string{"and": "And", "or": "Or", "xor": "Xor", "not": "Not"}[op.Fn]
		e.give(y, e.emit(name, in))
	case Where:
		if n.In[0].DType != Bool {
			in[0] = e.emit("Cast", in[:1], onnx.IntAttr("to", int64(onnx.Bool)))
		}
		e.give(y, e.emit("Where", in))
	case Cast:
		e.give(y, e.emit("Cast", in, onnx.IntAttr("to", int64(onnxType(op.To)))))
	case Zeros:
		e.give(y, e.name(Constant(NewTensor(Float32, op.Shape...))))
	case ArgExtreme:
		name := "ArgMax"
		if op.Min {
			name = "ArgMin"
		}
		last := int64(0)
		if op.Last {
			last = 1
		}
		e.give(y, e.emit(name, in, onnx.IntAttr("axis", int64(op.Axis)), onnx.IntAttr("select_last_index", last)))
	case CumSum:
		e.give(y, e.emit("CumSum", []string{in[0], e.vector([]int{op.Axis})}, flag("exclusive", op.Exclusive), flag("reverse", op.Reverse)))
	case TopK:
		e.topK(n, op, in)
	case Reduction:
		e.give(y, e.reduce(op, in[0]))
	case Softmax, SoftmaxGrad:
		e.softmax(n, in)
	case LayerNorm:
		e.layerNorm(n, op, in)
	case LayerNormGrad:
		e.give(y, e.layerNormGrad(n, op, in))
	case RMSNorm:
		e.rmsNorm(n, op, in)
	case RMSNormGrad:
		e.give(y, e.rmsNormGrad(n, op, in))
	case Rotary:
		e.give(y, e.rotary(n, op, in))
	case Linear:
		e.linear(n, op, in)
	case MatMul:
		e.give(y, e.matMul(n, op, in))
	case Quantize:
		e.give(y, e.quantize(op, e.inFloat(n, in)))
	case QuantizeGrad:
		e.give(y, e.quantizeGrad(op, e.inFloat(n, in)))
	default:
		if !e.move(n, in) && !e.window(n, in) {
			fail("this operator has no form in standard operators")
		}
	}
}

func flag(name string, v bool) *onnx.Attribute {
	if v {
		return onnx.IntAttr(name, 1)
	}
	return onnx.IntAttr(name, 0)
}

// binary writes a function of two arguments.
func (e *emitter) binary(fn kernel.Binary, a, b string, d DType) string {
	in := []string{a, b}
	switch fn {
	case kernel.NotEqual:
		return e.fn("Not", e.emit("Equal", in))
	case kernel.Mod:
		return e.emit("Mod", in, onnx.IntAttr("fmod", 1))
	case kernel.FloorMod:
		if d == Int64 {
			return e.emit("Mod", in)
		}
		return e.sub(a, e.mul(b, e.fn("Floor", e.div(a, b))))
	case kernel.PRelu: // ONNX's own only broadcasts to the right
		zero := e.number(0)
		return e.emit("Where", []string{e.emit("Less", []string{a, zero}), e.mul(a, b), a})
	}
	name, ok := map[kernel.Binary]string{
		kernel.Add: "Add", kernel.Sub: "Sub", kernel.Mul: "Mul", kernel.Div: "Div", kernel.Pow: "Pow", kernel.Min: "Min", kernel.Max: "Max",
		kernel.Equal: "Equal", kernel.Less: "Less", kernel.Greater: "Greater",
		kernel.LessOrEqual: "LessOrEqual", kernel.GreaterOrEqual: "GreaterOrEqual",
	}[fn]
	if !ok {
		fail("%s has no form in standard operators", fn)
	}
	return e.emit(name, in)
}

func (e *emitter) topK(n *Node, op TopK, in []string) {
	values, at := e.unique("t"), e.unique("t")
	largest := int64(1)
	if op.Smallest {
		largest = 0
	}
	e.model.Graph.AddNode("TopK", []string{in[0], e.vector([]int{op.K})}, []string{values, at}, onnx.IntAttr("largest", largest))
	e.give(n.Out[0], at)
}

func (e *emitter) reduce(op Reduction, x string) string {
	keep := flag("keepdims", op.Keep)
	if op.Kind == kernel.Sum {
		return e.emit("ReduceSum", []string{x, e.vector(op.Axes)}, keep)
	}
	name, ok := map[kernel.Reduce]string{
		kernel.Mean: "ReduceMean", kernel.ReduceMax: "ReduceMax", kernel.ReduceMin: "ReduceMin", kernel.Prod: "ReduceProd", kernel.L1: "ReduceL1",
		kernel.L2: "ReduceL2", kernel.SumSquare: "ReduceSumSquare", kernel.LogSumExp: "ReduceLogSumExp", kernel.LogSum: "ReduceLogSum",
	}[op.Kind]
	if !ok {
		fail("%s has no form in standard operators", op)
	}
	return e.emit(name, []string{x}, onnx.IntsAttr("axes", wide(op.Axes)...), keep)
}

// rowMean is the mean over the last axis, kept.
func (e *emitter) rowMean(x string) string {
	return e.emit("ReduceMean", []string{x}, onnx.IntsAttr("axes", -1), onnx.IntAttr("keepdims", 1))
}

func (e *emitter) rowSum(x string) string {
	return e.emit("ReduceSum", []string{x, e.vector([]int{-1})}, onnx.IntAttr("keepdims", 1))
}

func (e *emitter) softmax(n *Node, in []string) {
	last := onnx.IntAttr("axis", -1)
	switch op := n.Op.(type) {
	case Softmax:
		e.give(n.Out[0], e.emit(op.String(), in, last))
	case SoftmaxGrad:
		dy, y := in[0], in[1]
		if op.Log { // dy - eʸ·Σdy
			e.give(n.Out[0], e.sub(dy, e.mul(e.fn("Exp", y), e.rowSum(dy))))
		} else { // y·(dy - Σdy·y)
			e.give(n.Out[0], e.mul(y, e.sub(dy, e.rowSum(e.mul(dy, y)))))
		}
	}
}

// layerNorm writes LayerNormalization; its statistics have a last axis of 1 there, and none here.
func (e *emitter) layerNorm(n *Node, op LayerNorm, in []string) {
	width := n.In[0].Shape[len(n.In[0].Shape)-1]
	args := []string{in[0]}
	if op.Scale {
		args = append(args, in[1])
	} else {
		args = append(args, e.ones(width))
	}
	if op.Bias {
		args = append(args, in[len(in)-1])
	}
	y, mean, rstd := e.unique("t"), e.unique("t"), e.unique("t")
	e.model.Graph.AddNode("LayerNormalization", args, []string{y, mean, rstd}, onnx.IntAttr("axis", -1), onnx.FloatAttr("epsilon", op.Eps))
	e.give(n.Out[0], y)
	e.give(n.Out[1], e.reshape(mean, n.Out[1].Shape))
	e.give(n.Out[2], e.reshape(rstd, n.Out[2].Shape))
}

func (e *emitter) ones(n int) string {
	t := NewTensor(Float32, n)
	fillWith(t.F, 1)
	key := "ones " + t.DType.String() + e.vector([]int{n})
	s, ok := e.consts[key]
	if !ok {
		s = e.constant(t, "ones")
		e.consts[key] = s
	}
	return s
}

// layerNormGrad is rstd·(g - mean(g) - x̂·mean(g·x̂)) + add with g = dy·scale.
func (e *emitter) layerNormGrad(n *Node, op LayerNormGrad, in []string) string {
	shape := append(append([]int(nil), n.In[1].Shape[:len(n.In[1].Shape)-1]...), 1)
	mean, rstd := e.reshape(in[2], shape), e.reshape(in[3], shape)
	hat := e.mul(e.sub(in[1], mean), rstd)
	g := in[0]
	if op.Scale {
		g = e.mul(g, in[4])
	}
	d := e.sub(e.sub(g, e.rowMean(g)), e.mul(hat, e.rowMean(e.mul(g, hat))))
	d = e.mul(rstd, d)
	if op.Add {
		d = e.add(d, in[len(in)-1])
	}
	return d
}

// linear writes Gemm on rows: with transB one stored weight serves both passes.
func (e *emitter) linear(n *Node, op Linear, in []string) {
	rows := e.reshape(in[0], rowsOf(n.In[0].Shape))
	args := []string{rows, in[1]}
	if op.Bias {
		args = append(args, in[2])
	}
	y := e.reshape(e.emit("Gemm", args, flag("transB", op.TransW)), n.Out[0].Shape)
	if op.Act != kernel.NoUnary {
		e.give(n.Out[1], e.slope(op.Act, y))
		y = e.unary(op.Act, y)
	}
	if op.Residual {
		y = e.add(y, in[len(in)-1])
	}
	e.give(n.Out[0], y)
}

func (e *emitter) matMul(n *Node, op MatMul, in []string) string {
	side := func(x string, shape []int, trans bool) string {
		if !trans {
			return x
		}
		perm := make([]int, len(shape))
		for i := range perm {
			perm[i] = i
		}
		k := len(perm)
		perm[k-1], perm[k-2] = k-2, k-1
		return e.transpose(x, perm...)
	}
	y := e.emit("MatMul", []string{side(in[0], n.In[0].Shape, op.TransA), side(in[1], n.In[1].Shape, op.TransB)})
	if op.Alpha != 1 {
		y = e.mul(y, e.number(float64(op.Alpha)))
	}
	return y
}

// inFloat casts integer inputs, such as zero points.
func (e *emitter) inFloat(n *Node, in []string) []string {
	for i, v := range n.In {
		if v.DType != Float32 {
			in[i] = e.emit("Cast", []string{in[i]}, onnx.IntAttr("to", int64(onnx.Float32)))
		}
	}
	return in
}

func (e *emitter) quantize(op Quantize, in []string) string {
	q := e.add(e.fn("Round", e.div(in[0], in[1])), in[2])
	return e.emit("Clip", []string{q, e.number(float64(op.Lo)), e.number(float64(op.Hi))})
}

func (e *emitter) quantizeGrad(op QuantizeGrad, in []string) string {
	q := e.add(e.div(in[1], in[2]), in[3])
	low := e.emit("Less", []string{q, e.number(float64(op.Lo))})
	high := e.emit("Greater", []string{q, e.number(float64(op.Hi))})
	return e.emit("Where", []string{e.emit("Or", []string{low, high}), e.number(0), e.div(in[0], in[2])})
}
