package encoder

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Edits that write a file as ONNX Runtime's optimiser does.

// tearNorms moves a transposition between B×T×D and T×B×D into every normalisation that is spelt out, as ONNX Runtime's
// optimiser does.
func tearNorms(t *testing.T, m *onnx.Model) {
	perm := onnx.IntsAttr("perm", 1, 0, 2)
	centred := map[string]string{}
	rewrite(m, func(n *onnx.Node) []*onnx.Node {
		y := n.Outputs[0]
		turned := centred[append(n.Inputs, "")[0]]
		switch {
		case n.OpType == "Sub" && strings.Contains(y, "ln_") && !strings.Contains(y, "ln_post"):
			centred[y] = y + "_turned"
			return []*onnx.Node{n, node("Transpose", y, centred[y], perm)}
		case n.OpType == "Pow" && turned != "":
			n.Inputs[0] = turned
		case n.OpType == "Div" && turned != "":
			n.Inputs[0], n.Outputs[0] = turned, y+"_turned"
			return []*onnx.Node{n, node("Transpose", y+"_turned", y, perm)}
		}
		return nil
	})
	if len(centred) < 9 {
		t.Fatalf("%d normalisations were torn", len(centred))
	}
}
