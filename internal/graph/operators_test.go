package graph_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/owulveryck/onnx-go/backend/testbackend"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

var update = flag.Bool("update", false, "rewrite docs/operators.md")

// since is the operator set in which an operator appeared, for those younger than 9; they run through 23.
var since = map[string]int{
	"Mod": 10, "TopK": 1, "Round": 11, "CumSum": 11, "GatherElements": 11, "GatherND": 11, "ScatterElements": 11, "ScatterND": 11,
	"SequenceAt": 11, "SequenceConstruct": 11, "SequenceEmpty": 11, "SequenceErase": 11, "SequenceInsert": 11, "SequenceLength": 11,
	"SplitToSequence": 11, "ConcatFromSequence": 11, "Range": 11, "Resize": 10, "Celu": 12, "Einsum": 12, "GreaterOrEqual": 12, "LessOrEqual": 12,
	"HardSwish": 14, "Trilu": 14, "CastLike": 15, "GroupNormalization": 18, "LayerNormalization": 17, "Mish": 18, "Gelu": 20, "Swish": 24,
	"RMSNormalization": 23, "Attention": 23, "RotaryEmbedding": 23, "IsInf": 10, "QuantizeLinear": 10, "DequantizeLinear": 10,
	"DynamicQuantizeLinear": 11, "MatMulInteger": 10, "ConvInteger": 10, "QLinearMatMul": 10, "QLinearConv": 10,
}

// gradients that differ from "exact".
var gradientKind = map[string]string{
	"QuantizeLinear": "straight-through", "QLinearMatMul": "straight-through", "QLinearConv": "straight-through",
	"com.microsoft:QLinearAdd": "straight-through", "com.microsoft:QLinearMul": "straight-through", "com.microsoft:QLinearSigmoid": "straight-through",
	"com.microsoft:QLinearSoftmax": "straight-through", "com.microsoft:QuantizeLinear": "straight-through", "com.microsoft:QGemm": "straight-through",
	"com.microsoft:QLinearLeakyRelu": "straight-through", "com.microsoft:QLinearReduceMean": "straight-through", "com.microsoft:QLinearConcat": "straight-through",
	"com.microsoft:QLinearAveragePool": "straight-through", "com.microsoft:QLinearGlobalAveragePool": "straight-through", "com.microsoft:QLinearWhere": "straight-through",
	"com.microsoft:QAttention": "through its input's",
	"DynamicQuantizeLinear":    "refused by name", "com.microsoft:DynamicQuantizeMatMul": "refused by name",
	"MatMulInteger": "through its input's", "ConvInteger": "through its input's", "com.microsoft:MatMulIntegerToFloat": "through its input's",
	"com.microsoft:DequantizeLinear": "exact", "If": "of the branch", "Loop": "of its rounds", "Scan": "of its rounds", "Scatter": "exact", "Cast": "exact", "CastLike": "exact",
	"Floor": "zero", "Ceil": "zero", "Round": "zero", "Sign": "zero", "SequenceAt": "exact", "SequenceConstruct": "exact", "SequenceInsert": "exact",
	"SequenceErase": "exact", "SplitToSequence": "exact", "ConcatFromSequence": "exact",
}

// TestOperatorDocs keeps docs/operators.md true.
func TestOperatorDocs(t *testing.T) {
	cases := map[string]int{}
	for _, c := range gradientCases {
		name := c.op
		if c.domain != "" {
			name = c.domain + ":" + c.op
		}
		cases[name]++
	}
	var b bytes.Buffer
	b.WriteString(operatorsHead)
	total := 0
	for _, name := range graph.OperatorNames() {
		domain, op, ms := strings.Cut(name, ":")
		if !ms {
			op = name
		}
		set := "9–23"
		if v := since[name]; v > 9 {
			set = fmt.Sprintf("%d–23", min(v, 23))
		} else if ms {
			set = domain + " 1"
		}
		if name == "SimplifiedLayerNormalization" {
			set = "ONNX Runtime's own"
		}
		grad := gradientKind[name]
		if grad == "" && cases[name] > 0 {
			grad = "exact"
		} else if grad == "" {
			grad = "none: not a function of the pixels, or constant between jumps"
		}
		n := cases[name]
		if !ms {
			n += len(testbackend.GetOpTypeTests(op))
		}
		total += n
		fmt.Fprintf(&b, "| %s | %s | yes | %s | %d |\n", op, set, grad, n)
	}
	fmt.Fprintf(&b, "\n%d operators, %d cases.\n", len(graph.OperatorNames()), total)
	path := filepath.Join("..", "..", "docs", "operators.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("docs/operators.md is stale: go test ./internal/graph -run TestOperatorDocs -update")
	}
}

const operatorsHead = `# Operators

What can be imported from ONNX. This page is generated: ` + "`go test ./internal/graph -run TestOperatorDocs -update`" + `.

Every operator follows the semantics of the operator set that the file names. The cases are those of the ONNX project (forward, through
the engine and by constant folding) and comparisons of the gradient with central differences. Integer work that depends on the image's
size alone, such as shapes, is folded when the model is loaded. Whole encoders are tested beside these.

An operator that is not listed gives an error with its node's name, unless no output depends on it. So do: images in batches that cannot be
reduced to one, three-dimensional convolution and pooling, random and recurrent operators, results whose size depends on the image (Unique,
NonMaxSuppression, NonZero of computed values), ONNX Runtime's layout-specific nchwc operators, and loops whose end depends on the image.

| operator | operator sets | forward | gradient | test cases |
|---|---|---|---|---:|
`
