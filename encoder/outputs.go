package encoder

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// Output is one output of the ONNX file.
type Output struct {
	Tap      Tap   `json:"tap"` // its name in the file
	Shape    []int `json:"shape"`
	Integers bool  `json:"integers,omitempty"` // holds integers or booleans; no gradient can be asked for
}

// Outputs are the file's outputs that depend on the image, for one image, in the file's order. [Model.Forward]
// takes each as a tap.
func (m *Model) Outputs() []Output {
	var out []Output
	for _, o := range m.source.Graph.Outputs {
		v := m.base.Names[o.Name]
		if v == nil || v.Const != nil {
			continue
		}
		out = append(out, Output{Tap: Tap(o.Name), Shape: slices.Clone(v.Shape), Integers: v.DType != graph.Float32})
	}
	return out
}
