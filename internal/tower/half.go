package tower

import (
	"encoding/binary"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Half stores the float32 initializers of m that have more than limit elements in float16, rounded to
// nearest, and widens them again in the graph: half the file, and every reader computes in float32 as
// before.
func Half(m *onnx.Model, limit int) (err error) {
	defer filemap.Guard(&err)()
	var casts []*onnx.Node
	for i, t := range m.Graph.Initializers {
		if t.Type != onnx.Float32 || t.Len() <= limit {
			continue
		}
		v, err := t.Float32s()
		if err != nil {
			return err
		}
		raw := make([]byte, 0, 2*len(v))
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint16(raw, onnx.Float32To16(x))
		}
		h, err := onnx.NewTensor(t.Name+".half", onnx.Float16, t.Dims, raw)
		if err != nil {
			return err
		}
		m.Graph.Initializers[i] = h
		a := onnx.IntAttr("to", int64(onnx.Float32))
		casts = append(casts, &onnx.Node{Name: t.Name + ".widen", OpType: "Cast", Inputs: []string{h.Name}, Outputs: []string{t.Name},
			Attrs: map[string]*onnx.Attribute{"to": a}})
	}
	m.Graph.Nodes = slices.Concat(casts, m.Graph.Nodes)
	return nil
}
