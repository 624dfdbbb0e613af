package graph

import "github.com/plumbline-ml/plumbline/internal/kernel"

// importers maps ONNX operators to the functions that import them. An operator of another domain than
// ONNX's own is listed as "domain:name".
var importers map[string]func(*call) []*Value

func init() {
	importers = map[string]func(*call) []*Value{
		// element-wise
		"Abs": unary(kernel.Abs), "Neg": unary(kernel.Neg), "Exp": unary(kernel.Exp), "Log": unary(kernel.Log),
		"Sqrt": unary(kernel.Sqrt), "Reciprocal": unary(kernel.Reciprocal), "Tanh": unary(kernel.Tanh),
		"Sigmoid": unary(kernel.Sigmoid), "Erf": unary(kernel.Erf), "Relu": unary(kernel.Relu),
		"Sin": unary(kernel.Sin), "Cos": unary(kernel.Cos), "Tan": unary(kernel.Tan), "Atan": unary(kernel.Atan),
		"Softplus": unary(kernel.Softplus), "Softsign": unary(kernel.Softsign), "Mish": unary(kernel.Mish),
		"Floor": unary(kernel.Floor), "Ceil": unary(kernel.Ceil), "Round": unary(kernel.Round), "Sign": unary(kernel.Sign),
		"HardSwish": unary(kernel.HardSwish), "HardSigmoid": importHardSigmoid, "Gelu": importGelu,
		"Swish": importSwish, "LeakyRelu": importLeakyRelu, "PRelu": importPRelu, "Elu": importElu,
		"ThresholdedRelu": importThresholdedRelu, "Clip": importClip,
		"Add": importAdd, "Sub": binary(kernel.Sub), "Mul": importMul, "Div": binary(kernel.Div),
		"Pow": importPow, "Mod": importMod, "Min": variadic(kernel.Min), "Max": variadic(kernel.Max),
		"Sum": variadic(kernel.Add), "Mean": importMean,
		"Equal": binary(kernel.Equal), "Less": binary(kernel.Less), "Greater": binary(kernel.Greater),
		"LessOrEqual": binary(kernel.LessOrEqual), "GreaterOrEqual": binary(kernel.GreaterOrEqual),
		"And": logic("and"), "Or": logic("or"), "Xor": logic("xor"), "Not": logic("not"),
		"Selu": importSelu, "Celu": importCelu, "Shrink": importShrink, "Asin": importAsin, "Acos": importAcos,
		"Sinh": importSinh, "Cosh": importCosh, "Asinh": importAsinh, "Acosh": importAcosh, "Atanh": importAtanh,
		"IsNaN": importIsNaN, "IsInf": importIsInf, "Where": importWhere, "Cast": importCast, "CastLike": importCastLike,
		"Identity": identity, "Dropout": identity,
		// linear algebra
		"MatMul": importMatMul, "Gemm": importGemm, "Conv": importConv, "ConvTranspose": importConvTranspose, "Einsum": importEinsum,
		// normalisation, softmax, attention
		"Softmax": importSoftmax, "LogSoftmax": importLogSoftmax, "Hardmax": importHardmax, "LayerNormalization": importLayerNorm,

		"BatchNormalization": importBatchNorm, "InstanceNormalization": importInstanceNorm, "GroupNormalization": importGroupNorm,
		"RMSNormalization": importRMSNorm, "SimplifiedLayerNormalization": importSimplifiedLayerNorm,
		"LpNormalization": importLpNorm, "MeanVarianceNormalization": importMeanVarianceNorm, "LRN": importLRN,
		"Attention": importAttention, "RotaryEmbedding": importRotary,

		// reductions
		"ReduceSum": reduction(kernel.Sum, 13), "ReduceMean": reduction(kernel.Mean, 18), "ReduceMax": reduction(kernel.ReduceMax, 18),
		"ReduceMin": reduction(kernel.ReduceMin, 18), "ReduceProd": reduction(kernel.Prod, 18), "ReduceL1": reduction(kernel.L1, 18),
		"ReduceL2": reduction(kernel.L2, 18), "ReduceSumSquare": reduction(kernel.SumSquare, 18),
		"ReduceLogSumExp": reduction(kernel.LogSumExp, 18), "ReduceLogSum": importReduceLogSum,
		"ArgMax": argExtreme(false), "ArgMin": argExtreme(true), "CumSum": importCumSum,
		// layout
		"Reshape": importReshape, "Flatten": importFlatten, "Squeeze": importSqueeze, "Unsqueeze": importUnsqueeze,
		"Transpose": importTranspose, "Concat": importConcat, "Split": importSplit, "Slice": importSlice,
		"Gather": importGather, "GatherElements": importGatherElements, "GatherND": importGatherND,
		"Scatter": importScatterElements, "ScatterElements": importScatterElements, "ScatterND": importScatterND, "OneHot": importOneHot,
		"TopK": importTopK, "Compress": importCompress, "Trilu": importTrilu, "NonZero": importNonZero, "EyeLike": importEyeLike,
		"Expand": importExpand, "Tile": importTile, "Pad": importPad, "DepthToSpace": importDepthToSpace, "SpaceToDepth": importSpaceToDepth,
		// images
		"AveragePool": importPool(false), "MaxPool": importPool(true), "GlobalAveragePool": globalPool(kernel.Mean),
		"GlobalMaxPool": globalPool(kernel.ReduceMax), "Resize": importResize, "Upsample": importResize,
		// shapes and constants
		"Shape": importShape, "Size": importSize, "Constant": importConstant, "ConstantOfShape": importConstantOfShape,
		"Range": importRange,
		"If":    importIf, "Loop": importLoop, "Scan": importScan,
		// sequences
		"SequenceConstruct": importSequenceConstruct, "SequenceEmpty": importSequenceEmpty, "SequenceAt": importSequenceAt,
		"SequenceInsert": importSequenceInsert, "SequenceErase": importSequenceErase, "SequenceLength": importSequenceLength,
		"SplitToSequence": importSplitToSequence, "ConcatFromSequence": importConcatFromSequence,
		// quantisation
		"QuantizeLinear": importQuantize, "DequantizeLinear": importDequantize,
		"DynamicQuantizeLinear": importDynamicQuantize, "MatMulInteger": importMatMulInteger, "ConvInteger": importConvInteger,
		"QLinearMatMul": importQLinearMatMul, "QLinearConv": importQLinearConv,
		// ONNX Runtime's own operators
		"com.microsoft:Attention": importMSAttention, "com.microsoft:MultiHeadAttention": importMultiHeadAttention,
		"com.microsoft:RotaryEmbedding": importMSRotary, "com.microsoft:GroupNorm": importMSGroupNorm,
		"com.microsoft:FusedMatMul": importFusedMatMul, "com.microsoft:FusedConv": importFusedConv, "com.microsoft:FusedGemm": importFusedGemm,
		"com.microsoft:MatMulNBits": importMatMulNBits,
		"com.microsoft:BiasAdd":     importBiasAdd, "com.microsoft:BiasSplitGelu": importBiasSplitGelu,
		"com.microsoft:SkipSimplifiedLayerNormalization": importSkipSimplifiedLayerNorm,
		"com.microsoft:QuantizeLinear":                   importQuantize, "com.microsoft:DequantizeLinear": importDequantize,
		"com.microsoft:QLinearAdd": qlinearBinary(kernel.Add), "com.microsoft:QLinearMul": qlinearBinary(kernel.Mul),
		"com.microsoft:QLinearSigmoid": qlinearUnary(qlinearSigmoid), "com.microsoft:QLinearSoftmax": qlinearUnary(qlinearSoftmax),
		"com.microsoft:QLinearLeakyRelu": qlinearUnary(qlinearLeakyRelu), "com.microsoft:QLinearReduceMean": qlinearUnary(qlinearReduceMean),
		"com.microsoft:QLinearAveragePool": qlinearUnary(qlinearAveragePool), "com.microsoft:QLinearGlobalAveragePool": qlinearUnary(qlinearGlobalAveragePool),
		"com.microsoft:QLinearConcat": importQLinearConcat, "com.microsoft:QLinearWhere": importQLinearWhere,
		"com.microsoft:QGemm": importQGemm, "com.microsoft:QAttention": importQAttention,
		"com.microsoft:TransposeMatMul": importFusedMatMul, "com.microsoft:FusedMatMulActivation": importFusedMatMulActivation,
		"com.microsoft:GemmFastGelu": importGemmFastGelu, "com.microsoft:BiasSoftmax": importBiasSoftmax, "com.microsoft:Trilu": importTrilu,
		"com.microsoft:DynamicQuantizeMatMul": importDynamicQuantizeMatMul, "com.microsoft:MatMulIntegerToFloat": importMatMulIntegerToFloat,
		"com.microsoft:SkipLayerNormalization": importSkipLayerNorm, "com.microsoft:BiasGelu": importBiasGelu,
		"com.microsoft:FastGelu": importFastGelu, "com.microsoft:QuickGelu": importQuickGelu, "com.microsoft:Gelu": importGelu,
	}
}

func unary(fn kernel.Unary) func(*call) []*Value {
	return func(c *call) []*Value { return one(c.g().Map(fn, c.in(0))) }
}

func binary(fn kernel.Binary) func(*call) []*Value {
	return func(c *call) []*Value { return one(c.binary(fn, c.in(0), c.in(1))) }
}

// binary emits a function of two arguments.
func (c *call) binary(fn kernel.Binary, x, y *Value) *Value {
	return c.g().binary(fn, c.im.oneRow(x, y.Shape), c.im.oneRow(y, x.Shape))
}

// binary emits a function of two arguments, in float32 where either is.
func (g *Graph) binary(fn kernel.Binary, x, y *Value) *Value {
	if x.DType != y.DType && (x.DType == Float32 || y.DType == Float32) {
		x, y = g.float(x), g.float(y)
	}
	return g.emit(Binary{fn}, x, y)
}

func variadic(fn kernel.Binary) func(*call) []*Value {
	return func(c *call) []*Value {
		v := c.in(0)
		for i := 1; i < len(c.n.Inputs); i++ {
			v = c.binary(fn, v, c.in(i))
		}
		return one(v)
	}
}

func logic(fn string) func(*call) []*Value {
	return func(c *call) []*Value {
		in := []*Value{c.in(0)}
		if fn != "not" {
			in = append(in, c.in(1))
		}
		return one(c.g().emit(Logic{fn}, in...))
	}
}

func identity(c *call) []*Value {
	if len(c.n.Outputs) > 0 {
		if v := c.sequence(0); len(v) != 1 {
			c.im.scope[c.n.Outputs[0]] = v
			return nil
		}
	}
	return one(c.in(0))
}
