package encoder

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// FromONNX makes an encoder of a model already decoded or built in memory.
func FromONNX(src *onnx.Model, opts ...Option) (*Model, error) {
	o := options{name: "model"}
	for _, f := range opts {
		f(&o)
	}
	if src == nil {
		return nil, fmt.Errorf("encoder: %s: no model", o.name)
	}
	return load(src, o)
}
