package graph

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// importSkipLayerNorm is LayerNorm(input + skip (+ bias)); its fourth result is the sum.
func importSkipLayerNorm(c *call) []*Value {
	g := c.g()
	x := c.in(0)
	if c.has(4) {
		x = g.Add(x, c.in(4))
	}
	sum := g.Add(x, c.in(1))
	y := g.layerNorm(sum, c.in(2), c.opt(3), len(sum.Shape)-1, c.float("epsilon", 1e-12))
	return []*Value{y, nil, nil, sum}
}

func importBiasGelu(c *call) []*Value {
	return one(c.g().Map(kernel.GELU, c.g().Add(c.in(0), c.in(1))))
}

func importFastGelu(c *call) []*Value {
	x := c.in(0)
	if c.has(1) {
		x = c.g().Add(x, c.in(1))
	}
	return one(c.g().Map(kernel.GELUTanh, x))
}

func importQuickGelu(c *call) []*Value { return one(c.swish(c.in(0), c.float("alpha", quickSlope))) }

// importSimplifiedLayerNorm is ONNX Runtime's name for RMSNormalization.
func importSimplifiedLayerNorm(c *call) []*Value {
	x := c.in(0)
	a := axis(c.int("axis", -1), len(x.Shape))
	return one(c.g().rmsNorm(x, c.in(1), a, c.float("epsilon", 1e-5)))
}

// importSkipSimplifiedLayerNorm normalises input + skip (+ bias); its fourth result is the sum.
func importSkipSimplifiedLayerNorm(c *call) []*Value {
	g, sum := c.g(), c.g().Add(c.in(0), c.in(1))
	if c.has(3) {
		sum = g.Add(sum, c.in(3))
	}
	return []*Value{g.rmsNorm(sum, c.in(2), len(sum.Shape)-1, c.float("epsilon", 1e-5)), nil, nil, sum}
}

// importFusedMatMul is alpha·op(A)·op(B).
func importFusedMatMul(c *call) []*Value {
	g, a, b := c.g(), c.batchFirst(c.in(0), "transBatchA"), c.batchFirst(c.in(1), "transBatchB")
	alpha, ta, tb := c.float("alpha", 1), c.int("transA", 0) == 1, c.int("transB", 0) == 1
	if len(a.Shape) < 2 || len(b.Shape) < 2 {
		fail("shapes %v and %v are not matrices", a.Shape, b.Shape)
	}
	if ta || a.Const != nil || b.Const == nil || len(b.Shape) != 2 {
		return one(g.emit(MatMul{ta, tb, alpha}, a, b))
	}
	y := g.emit(Linear{TransW: tb}, a, b)
	if alpha != 1 {
		y = g.Mul(y, scalar(alpha))
	}
	return one(y)
}

// importFusedMatMulActivation is FusedMatMul with an activation.
func importFusedMatMulActivation(c *call) []*Value { return one(c.activated(importFusedMatMul(c)[0])) }

// importGemmFastGelu is the GELU, by its tanh formula, of x·W + bias.
func importGemmFastGelu(c *call) []*Value {
	g, y := c.g(), c.g().MatMul(c.in(0), c.in(1))
	if c.has(2) {
		y = g.Add(y, c.in(2))
	}
	return one(g.Map(kernel.GELUTanh, y))
}

// importBiasSoftmax is the softmax, over all axes from one on together, of x + bias.
func importBiasSoftmax(c *call) []*Value {
	g, x, b := c.g(), c.in(0), c.in(1)
	a := axis(c.int("axis", 1), len(x.Shape))
	if c.int("is_inner_broadcast", 1) == 0 && len(b.Shape) < len(x.Shape) { // the bias is repeated along outer axes
		shape := slices.Clone(b.Shape)
		for len(shape) < len(x.Shape) {
			shape = append([]int{1}, shape...)
		}
		b = g.Reshape(b, shape)
	}
	flat := g.Reshape(g.Add(x, b), []int{Size(x.Shape[:a]), Size(x.Shape[a:])})
	return one(g.Reshape(g.Softmax(flat, 1, false), x.Shape))
}

// batchFirst moves the first axis of x behind the batch axes, before the last, if the attribute asks for it.
func (c *call) batchFirst(x *Value, attr string) *Value {
	r := len(x.Shape)
	if c.int(attr, 0) != 1 || r < 3 {
		return x
	}
	perm := make([]int, r)
	for i := range r - 2 {
		perm[i] = i + 1
	}
	perm[r-1] = r - 1
	return c.g().Transpose(x, perm)
}

// importFusedGemm is a Gemm with an activation.
func importFusedGemm(c *call) []*Value { return one(c.activated(importGemm(c)[0])) }

// importFusedConv is a convolution, an optional sum, and an activation.
func importFusedConv(c *call) []*Value {
	y := c.conv(c.in(0), c.in(1), c.opt(2))
	if c.has(3) {
		y = c.g().Add(y, c.in(3))
	}
	return one(c.activated(y))
}

// activated applies the activation that a fused node names.
func (c *call) activated(x *Value) *Value {
	g := c.g()
	params := func(i int, def float32) float32 {
		if a := c.n.Attrs["activation_params"]; a != nil && i < len(a.Floats) {
			return a.Floats[i]
		}
		return def
	}
	switch name := c.str("activation", ""); name {
	case "":
		return x
	case "Relu":
		return g.Map(kernel.Relu, x)
	case "Tanh":
		return g.Map(kernel.Tanh, x)
	case "Sigmoid":
		return g.Map(kernel.Sigmoid, x)
	case "LeakyRelu":
		return g.emit(Binary{kernel.PRelu}, x, scalar(params(0, c.float("leaky_relu_alpha", 0.01))))
	case "Clip":
		return c.clamp(x, params(0, 0), params(1, 0))
	case "HardSigmoid":
		return c.clamp(c.affine(x, params(0, 0.2), params(1, 0.5)), 0, 1)
	default:
		fail("activation %q is not known", name)
	}
	return nil
}

// importBiasAdd is x + bias + skip.
func importBiasAdd(c *call) []*Value { return one(c.g().Add(c.g().Add(c.in(0), c.in(1)), c.in(2))) }

// importBiasSplitGelu halves x + bias: the first half times the GELU of the second.
func importBiasSplitGelu(c *call) []*Value {
	g, x := c.g(), c.g().Add(c.in(0), c.in(1))
	last := len(x.Shape) - 1
	half := x.Shape[last] / 2
	return one(g.Mul(g.SliceAxis(x, last, 0, half), g.Map(kernel.GELU, g.SliceAxis(x, last, half, half))))
}

// refusal explains why an operator that is known by name cannot be imported, or is empty.
func refusal(name string) string {
	domain, op, found := strings.Cut(name, ":")
	if !found {
		domain, op = "", name
	}
	switch {
	case strings.HasPrefix(domain, "com.microsoft.nchwc"), strings.HasPrefix(domain, "com.ms.internal"), domain == "com.microsoft" && strings.HasPrefix(op, "Nhwc"):
		return "is laid out for one processor; save the model with ONNX Runtime's optimisation level at most extended, or use the original export"
	case strings.Contains(domain, "aten"):
		return "is a PyTorch operator that the exporter left untranslated; export with a later operator set"
	}
	return refusals[op]
}

// refusals lists known operators that have no place in an encoder for one image.
var refusals = map[string]string{
	"Unique":            "has a result whose size depends on the image",
	"NonMaxSuppression": "has a result whose size depends on the image",
	"RandomNormal":      "is random; export the model in evaluation mode",
	"RandomNormalLike":  "is random; export the model in evaluation mode",
	"RandomUniform":     "is random; export the model in evaluation mode",
	"RandomUniformLike": "is random; export the model in evaluation mode",
	"Bernoulli":         "is random; export the model in evaluation mode",
	"Multinomial":       "is random; export the model in evaluation mode",
	"RoiAlign":          "is not part of an encoder, and this engine does not run it",
	"MaxUnpool":         "is not part of an encoder, and this engine does not run it",
	"ReverseSequence":   "is not part of an encoder, and this engine does not run it",
	"LSTM":              "is recurrent, which this engine does not run",
	"GRU":               "is recurrent, which this engine does not run",
	"RNN":               "is recurrent, which this engine does not run",
	"StringNormalizer":  "works on strings",
	"TfIdfVectorizer":   "works on strings",
	"ImageDecoder":      "decodes pictures; cut the model at its first tensor of pixels",
}
