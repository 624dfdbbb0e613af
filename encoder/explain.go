package encoder

import (
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Step is one operator of the schedule that runs for one image.
type Step struct {
	Op       string `json:"op"`             // operator with its parameters
	Node     string `json:"node,omitempty"` // the ONNX node it came from
	Shape    []int  `json:"shape"`          // of its first result, for one image
	Backward bool   `json:"backward,omitempty"`
}

// Schedule is what the engine does for one image and what memory it takes.
type Schedule struct {
	Steps []Step `json:"steps"`
	Arena int    `json:"arena_bytes"` // working memory of one execution
	CPU   string `json:"cpu"`         // instruction set of the kernels
}

// Schedule shows how the encoder runs for the given taps, with or without the gradient at the pixels.
// Steps that only give memory another shape are left out.
func (m *Model) Schedule(gradient bool, taps ...Tap) (Schedule, error) {
	p, err := m.programFor(taps, gradient)
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{Arena: p.engine.Arena(), CPU: kernel.CPU()}
	for i, n := range p.engine.Graph.Nodes {
		if _, alias := n.Alias(); alias {
			continue
		}
		s.Steps = append(s.Steps, Step{n.Op.String(), n.Name, n.Out[0].Shape, i >= p.engine.Forward})
	}
	return s, nil
}
