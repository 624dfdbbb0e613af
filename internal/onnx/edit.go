package onnx

import "fmt"

// SetTensor replaces the values of the constant called name, which is an initializer of the main graph or the
// output of one of its Constant nodes with a tensor value. Name, element type and dimensions stay; v is
// converted as by [Tensor.SetFloat32s].
func (m *Model) SetTensor(name string, v []float32) error {
	if t := m.Tensor(name); t != nil {
		return t.SetFloat32s(v)
	}
	return fmt.Errorf("onnx: the graph has no constant %.100q", name)
}

// Tensor returns the initializer of the main graph of that name, or the value of the Constant node that has
// it as output, or nil.
func (m *Model) Tensor(name string) *Tensor {
	if t := m.Graph.Initializer(name); t != nil {
		return t
	}
	for _, n := range m.Graph.Nodes {
		if n.OpType == "Constant" && n.Domain == "" && len(n.Outputs) == 1 && n.Outputs[0] == name {
			if a := n.Attrs["value"]; a != nil {
				return a.Tensor
			}
		}
	}
	return nil
}
