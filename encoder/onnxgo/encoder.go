package onnxgo

import (
	"bytes"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Options state what onnx-go's decoder does not pass on.
type Options struct {
	Opset         int64  // operator set of the file
	Input         string // name of the image input
	Height, Width int    // image size in pixels
}

// Encoder makes an encoder of what was decoded. Its outputs are the tensors that no operation reads.
func (b *Backend) Encoder(o Options, opts ...encoder.Option) (*encoder.Model, error) {
	if o.Opset < 1 || o.Input == "" || o.Height < 1 || o.Width < 1 {
		return nil, fmt.Errorf("onnxgo: operator set, image input and image size must be stated, not %+v", o)
	}
	m := onnx.NewModel("decoded by onnx-go", o.Opset)
	m.Graph.AddInput(o.Input, onnx.Float32, onnx.Symbolic("batch"), onnx.Dim{Value: 3}, onnx.Dim{Value: int64(o.Height)}, onnx.Dim{Value: int64(o.Width)})
	made, read := map[int64]bool{}, map[int64]bool{}
	for _, op := range b.ops {
		n, err := b.node(op)
		if err != nil {
			return nil, err
		}
		m.Graph.Nodes = append(m.Graph.Nodes, n)
		for _, id := range op.outs {
			made[id] = true
		}
		for _, id := range b.in[op.outs[0]] {
			read[id] = true
		}
	}
	found := false
	for _, n := range b.nodes {
		switch name := b.name(n.id); {
		case n.name == o.Input:
			found = true
		case made[n.id] && !read[n.id] && n.name != "":
			m.Graph.AddOutput(name, onnx.Float32)
		case !made[n.id] && n.value != nil && read[n.id]:
			c, err := constant(name, n.value)
			if err != nil {
				return nil, err
			}
			m.Graph.AddInitializer(c)
		}
	}
	if !found {
		return nil, fmt.Errorf("onnxgo: the model has no tensor %q", o.Input)
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		return nil, fmt.Errorf("onnxgo: %w", err)
	}
	opts = append([]encoder.Option{encoder.WithInput(o.Input), encoder.WithName("onnx-go model")}, opts...)
	return encoder.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), opts...)
}

// name is a tensor's name, or a made up one.
func (b *Backend) name(id int64) string {
	if s := b.nodes[id].name; s != "" {
		return s
	}
	return fmt.Sprint("tensor ", id)
}

// node turns an operation into a node of ONNX.
func (b *Backend) node(op operation) (*onnx.Node, error) {
	n := &onnx.Node{Name: op.Name + " of " + b.name(op.outs[0]), OpType: op.Name, Attrs: map[string]*onnx.Attribute{}}
	for _, id := range op.outs {
		n.Outputs = append(n.Outputs, b.nodes[id].name) // "" is an omitted result
	}
	if len(op.outs) == 1 {
		n.Outputs[0] = b.name(op.outs[0])
	}
	in := b.in[op.outs[0]]
	if op.Name == "Constant" {
		in = nil // the decoder gives operations without inputs one
	}
	for i := range len(in) {
		id, ok := in[i]
		if !ok {
			return nil, fmt.Errorf("onnxgo: %s lacks input %d", n.Name, i)
		}
		if b.nodes[id].name == "" && b.nodes[id].value == nil {
			n.Inputs = append(n.Inputs, "") // an omitted input
			continue
		}
		n.Inputs = append(n.Inputs, b.name(id))
	}
	for name, v := range op.Attributes {
		a, err := attribute(name, v)
		if err != nil {
			return nil, fmt.Errorf("onnxgo: %s: %w", n.Name, err)
		}
		n.Attrs[name] = a
	}
	return n, nil
}

func attribute(name string, v any) (*onnx.Attribute, error) {
	switch v := v.(type) {
	case float32:
		return onnx.FloatAttr(name, v), nil
	case int64:
		return onnx.IntAttr(name, v), nil
	case string:
		return onnx.StringAttr(name, v), nil
	case []int64:
		return onnx.IntsAttr(name, v...), nil
	case []float32:
		return &onnx.Attribute{Name: name, Kind: onnx.AttrFloats, Floats: v}, nil
	case tensor.Tensor:
		c, err := constant(name, v)
		return onnx.TensorAttr(name, c), err
	}
	return nil, fmt.Errorf("attribute %q of type %T is not supported", name, v)
}

// constant converts a tensor of float32, float64, int32 or int64.
func constant(name string, t tensor.Tensor) (*onnx.Tensor, error) {
	dims := slices.Clone([]int(t.Shape()))
	switch v := t.Data().(type) {
	case []float32:
		return onnx.NewFloat32(name, dims, v)
	case []int64:
		return onnx.NewInt64(name, dims, v)
	case float32:
		return onnx.NewFloat32(name, nil, []float32{v})
	case int64:
		return onnx.NewInt64(name, nil, []int64{v})
	case []float64:
		f := make([]float32, len(v))
		for i, x := range v {
			f[i] = float32(x)
		}
		return onnx.NewFloat32(name, dims, f)
	case []int32:
		n := make([]int64, len(v))
		for i, x := range v {
			n[i] = int64(x)
		}
		return onnx.NewInt64(name, dims, n)
	}
	return nil, fmt.Errorf("onnxgo: tensor %q of %v is not supported", name, t.Dtype())
}
