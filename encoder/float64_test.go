package encoder

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// exact computes an imported graph, before any fusion, in float64: the formulas of its operators as plain loops,
// with nothing of the kernels in them.
type exact struct {
	t      testing.TB
	values map[*graph.Value][]float64
}

// forward returns the value at each of want for a network input.
func (e *exact) forward(g *graph.Graph, input []float64, want ...*graph.Value) [][]float64 {
	e.t.Helper()
	e.values = map[*graph.Value][]float64{g.Inputs[0]: input}
	for _, n := range g.Nodes {
		if e.known(n) {
			e.values[n.Out[0]] = e.node(n)
		}
	}
	var out [][]float64
	for _, v := range want {
		out = append(out, e.of(v))
	}
	return out
}

// known tells whether all inputs of a node have been computed.
func (e *exact) known(n *graph.Node) bool {
	return !slices.ContainsFunc(n.In, func(v *graph.Value) bool { return v.Const == nil && e.values[v] == nil })
}

// of is the value of v.
func (e *exact) of(v *graph.Value) []float64 {
	if x := e.values[v]; x != nil || v.Const == nil {
		return x
	}
	x := make([]float64, len(v.Const.F))
	for i, f := range v.Const.F {
		x[i] = float64(f)
	}
	e.values[v] = x
	return x
}

func (e *exact) node(n *graph.Node) []float64 {
	x, shape := e.of(n.In[0]), n.In[0].Shape
	switch op := n.Op.(type) {
	case graph.Reshape, graph.Transpose, graph.Slice, graph.Concat, graph.Gather, graph.HeadRows, graph.Patches:
		return e.move(n)
	case graph.Unary:
		return e.unary(op.Fn, x)
	case graph.Binary:
		return e.binary(op.Fn, n)
	case graph.Linear:
		y := exactProduct(x, e.of(n.In[1]), shape[len(shape)-1], n.Out[0].Shape[len(n.Out[0].Shape)-1], op.TransW)
		if op.Bias {
			addRows(y, e.of(n.In[2]))
		}
		return y
	case graph.MatMul:
		return e.matMul(op, n)
	case graph.Reduction:
		return e.mean(op, n)
	case graph.Softmax:
		return exactSoftmax(x, shape[len(shape)-1])
	case graph.LayerNorm:
		return e.layerNorm(op, n)
	case graph.Conv:
		return e.conv(op, n)
	case graph.Pool:
		return e.averagePool(op, x)
	}
	e.t.Fatalf("no float64 form of %s", n.Op)
	return nil
}

// move runs an operator that only moves elements on their positions, and moves the float64 elements alike.
func (e *exact) move(n *graph.Node) []float64 {
	var all []float64
	in := make([]*graph.Tensor, len(n.In))
	for i, v := range n.In {
		if v.DType != graph.Float32 {
			in[i] = v.Const
			continue
		}
		in[i] = graph.NewTensor(graph.Float32, v.Shape...)
		for j := range in[i].F {
			in[i].F[j] = float32(len(all) + j + 1) // zero is what is filled in
		}
		all = append(all, e.of(v)...)
	}
	if len(all) >= 1<<24 {
		e.t.Fatalf("%s moves %d elements, too many to number in float32", n.Op, len(all))
	}
	out := graph.NewTensor(graph.Float32, n.Out[0].Shape...)
	if _, same := n.Op.(graph.Reshape); same {
		out = in[0]
	} else {
		n.Op.Bind(graph.NewBinder(nil), in, []*graph.Tensor{out})()
	}
	y := make([]float64, len(out.F))
	for i, f := range out.F {
		if f > 0 {
			y[i] = all[int(f)-1]
		}
	}
	return y
}

func (e *exact) unary(fn kernel.Unary, x []float64) []float64 {
	f := map[kernel.Unary]func(float64) float64{
		kernel.Neg: func(v float64) float64 { return -v }, kernel.Sqrt: math.Sqrt, kernel.Tanh: math.Tanh, kernel.Erf: math.Erf,
		kernel.Square: func(v float64) float64 { return v * v }, kernel.Relu: func(v float64) float64 { return math.Max(v, 0) },
		kernel.Sigmoid: func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
		kernel.GELU:    func(v float64) float64 { return v / 2 * math.Erfc(-v/math.Sqrt2) },
	}[fn]
	if f == nil {
		e.t.Fatalf("no float64 form of %s", fn)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

func (e *exact) binary(fn kernel.Binary, n *graph.Node) []float64 {
	f := map[kernel.Binary]func(x, y float64) float64{
		kernel.Add: func(x, y float64) float64 { return x + y }, kernel.Sub: func(x, y float64) float64 { return x - y },
		kernel.Mul: func(x, y float64) float64 { return x * y }, kernel.Div: func(x, y float64) float64 { return x / y },
	}[fn]
	if f == nil {
		e.t.Fatalf("no float64 form of %s", fn)
	}
	x, y, shape := e.of(n.In[0]), e.of(n.In[1]), n.Out[0].Shape
	z := make([]float64, graph.Size(shape))
	for i := range z {
		z[i] = f(x[broadcastAt(i, shape, n.In[0].Shape)], y[broadcastAt(i, shape, n.In[1].Shape)])
	}
	return z
}

// broadcastAt is which element of an array of shape s meets element i of the result.
func broadcastAt(i int, result, s []int) int {
	at, stride := 0, 1
	for a := 1; a <= len(result); a++ {
		n := result[len(result)-a]
		if a <= len(s) && s[len(s)-a] > 1 {
			at += i % n * stride
			stride *= n
		}
		i /= n
	}
	return at
}

// exactProduct is x·w, or x·wᵀ, with rows of x of length k.
func exactProduct(x, w []float64, k, n int, trans bool) []float64 {
	y := make([]float64, len(x)/k*n)
	for i := range y {
		row, j := x[i/n*k:i/n*k+k], i%n
		for p, v := range row {
			if trans {
				y[i] += v * w[j*k+p]
			} else {
				y[i] += v * w[p*n+j]
			}
		}
	}
	return y
}

func addRows(y, bias []float64) {
	for i := range y {
		y[i] += bias[i%len(bias)]
	}
}

func (e *exact) matMul(op graph.MatMul, n *graph.Node) []float64 {
	a, b, out := n.In[0].Shape, n.In[1].Shape, n.Out[0].Shape
	m, c := out[len(out)-2], out[len(out)-1]
	k := a[len(a)-1]
	if op.TransA {
		k = a[len(a)-2]
	}
	x, y := e.of(n.In[0]), e.of(n.In[1])
	z := make([]float64, graph.Size(out))
	for i := range z {
		matrix, r, j := i/(m*c), i/c%m, i%c
		atX := broadcastAt(matrix, out[:len(out)-2], a[:len(a)-2]) * m * k
		atY := broadcastAt(matrix, out[:len(out)-2], b[:len(b)-2]) * k * c
		for p := range k {
			ix, iy := r*k+p, p*c+j
			if op.TransA {
				ix = p*m + r
			}
			if op.TransB {
				iy = j*k + p
			}
			z[i] += x[atX+ix] * y[atY+iy]
		}
		z[i] *= float64(op.Alpha)
	}
	return z
}

// mean sums or averages over axes.
func (e *exact) mean(op graph.Reduction, n *graph.Node) []float64 {
	if op.Kind != kernel.Mean && op.Kind != kernel.Sum {
		e.t.Fatalf("no float64 form of %s", op)
	}
	x, shape := e.of(n.In[0]), n.In[0].Shape
	kept := slices.Clone(shape)
	for _, a := range op.Axes {
		kept[a] = 1
	}
	y := make([]float64, graph.Size(kept))
	for i, v := range x {
		y[broadcastAt(i, shape, kept)] += v
	}
	if op.Kind == kernel.Mean {
		for i := range y {
			y[i] /= float64(len(x) / len(y))
		}
	}
	return y
}

func exactSoftmax(x []float64, n int) []float64 {
	y := make([]float64, len(x))
	for i := 0; i < len(x); i += n {
		top, sum := slices.Max(x[i:i+n]), 0.0
		for j := i; j < i+n; j++ {
			y[j] = math.Exp(x[j] - top)
			sum += y[j]
		}
		for j := i; j < i+n; j++ {
			y[j] /= sum
		}
	}
	return y
}

func (e *exact) layerNorm(op graph.LayerNorm, n *graph.Node) []float64 {
	x := e.of(n.In[0])
	w := n.In[0].Shape[len(n.In[0].Shape)-1]
	y := make([]float64, len(x))
	for i := 0; i < len(x); i += w {
		var mean, square float64
		for _, v := range x[i : i+w] {
			mean += v / float64(w)
		}
		for _, v := range x[i : i+w] {
			square += (v - mean) * (v - mean) / float64(w)
		}
		for j := range w {
			y[i+j] = (x[i+j] - mean) / math.Sqrt(square+float64(op.Eps))
			if op.Scale {
				y[i+j] *= e.of(n.In[1])[j]
			}
			if op.Bias {
				y[i+j] += e.of(n.In[len(n.In)-1])[j]
			}
		}
	}
	return y
}

func (e *exact) conv(op graph.Conv, n *graph.Node) []float64 {
	s, x, w := op.Shape, e.of(n.In[0]), e.of(n.In[1])
	y := make([]float64, s.Oc*s.Oh*s.Ow)
	each := s.C / s.Groups
	for i := range y {
		oc := i / (s.Oh * s.Ow)
		eachSeen(s, i, func(kh, kw, h, v int) {
			for c := range each {
				in := oc/(s.Oc/s.Groups)*each + c
				y[i] += x[(in*s.H+h)*s.W+v] * w[((oc*each+c)*s.Kh+kh)*s.Kw+kw]
			}
		})
		if op.Bias {
			y[i] += e.of(n.In[2])[oc]
		}
	}
	return y
}

// eachSeen calls f for what output i of a convolution or pooling sees of the image.
func eachSeen(s kernel.ConvShape, i int, f func(kh, kw, h, w int)) {
	for kh := range s.Kh {
		for kw := range s.Kw {
			h, w := i/s.Ow%s.Oh*s.Sh+kh*s.Dh-s.Pt, i%s.Ow*s.Sw+kw*s.Dw-s.Pl
			if h >= 0 && h < s.H && w >= 0 && w < s.W {
				f(kh, kw, h, w)
			}
		}
	}
}

func (e *exact) averagePool(op graph.Pool, x []float64) []float64 {
	if op.Max {
		e.t.Fatal(fmt.Errorf("no float64 form of %s", op))
	}
	s := op.Shape
	y := make([]float64, s.C*s.Oh*s.Ow)
	for i := range y {
		count := 0
		eachSeen(s, i, func(_, _, h, w int) {
			y[i] += x[(i/(s.Oh*s.Ow)*s.H+h)*s.W+w]
			count++
		})
		if op.IncludePad {
			count = s.Kh * s.Kw
		}
		y[i] /= float64(count)
	}
	return y
}
