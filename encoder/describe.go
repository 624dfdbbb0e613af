package encoder

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// describe fills the spec and the named taps from what was found.
func (m *Model) describe(s structure, original map[*graph.Value]*graph.Value) {
	m.found = map[Tap]*graph.Value{}
	if s.stem != nil {
		at := func(v *graph.Value) *graph.Value { return original[v] }
		if len(s.attention) == 0 {
			at = func(v *graph.Value) *graph.Value { return m.planar(original[v]) }
		}
		m.found[Stem] = at(s.stem)
		for i, v := range s.blocks {
			m.found[Block(i)] = at(v)
		}
		m.found[Tokens] = m.found[Block(len(s.blocks)-1)]
	}
	if s.embedding != nil {
		m.found[Embedding] = original[s.embedding]
		m.spec.Embedding = graph.Size(s.embedding.Shape)
	}
	for i, a := range s.attention {
		m.spec.Heads = a.heads
		m.tapAttention(i, a, original)
	}
	in := m.base.Inputs[0].Shape
	m.spec.ImageSize = [2]int{in[2], in[3]}
	m.spec.Layout, m.spec.InputType = "NCHW", m.base.Image.Type.String()
	m.spec.AnySize = m.base.Image.AnySize
	if m.base.Image.ChannelsLast {
		m.spec.Layout = "NHWC"
	}
	m.spec.Depth, m.spec.Width, m.spec.Tokens = len(s.blocks), s.width, s.tokens
	if len(s.attention) > 0 {
		m.tokenLayout(s)
	} else if s.stem != nil {
		m.spec.Width = m.found[Tokens].Shape[1]
	}
	m.warn(s)
}

// tokenLayout settles patches, grid and prefix tokens: from options, else from the convolution that cuts
// the patches, else by asking which tokens change with which pixels.
func (m *Model) tokenLayout(s structure) {
	o := m.options
	m.spec.Patch, m.spec.Grid = s.patch[0], s.grid
	if o.patch > 0 {
		m.spec.Patch = o.patch
		m.spec.Grid = [2]int{m.spec.ImageSize[0] / o.patch, m.spec.ImageSize[1] / o.patch}
	}
	patches := m.spec.Grid[0] * m.spec.Grid[1]
	if o.patch == 0 && (patches == 0 || s.tokens < patches || s.patch[0] != s.patch[1]) {
		if p, err := m.probe(); err == nil {
			m.spec.Grid = p.grid
			m.spec.Patch = m.spec.ImageSize[0] / p.grid[0]
		} else if patches > s.tokens {
			m.spec.Patch, m.spec.Grid = 0, [2]int{}
		}
	}
	if o.prefix != nil {
		m.spec.CLS, m.spec.Registers = o.prefix.cls, o.prefix.registers
		return
	}
	patches = m.spec.Grid[0] * m.spec.Grid[1]
	extra := s.tokens - patches
	if patches == 0 || extra <= 0 {
		return
	}
	switch s.prefixOf(m, extra) {
	case classToken:
		m.spec.CLS, m.spec.Registers = true, extra-1
	case registersOnly:
		m.spec.Registers = extra
	default:
		m.spec.CLS, m.spec.Registers = true, extra-1
		if extra > 1 {
			m.assume("the first of %d prefix tokens is taken as a class token, the others as registers: say WithPrefix (--cls, --registers) if not so", extra)
		} else {
			m.assume("the token before the patches is taken as a class token, though nothing reads it alone: say WithPrefix (--cls, --registers) if it is a register")
		}
	}
}

func (m *Model) assume(format string, args ...any) {
	m.spec.Warnings = append(m.spec.Warnings, fmt.Sprintf(format, args...))
}

// warn says what could not be found, and how to give it.
func (m *Model) warn(s structure) {
	tokens, patches := s.tokens, m.spec.Grid[0]*m.spec.Grid[1]
	switch {
	case len(s.blocks) == 0:
		m.assume("no residual blocks were found: taps stem, block.i and tokens are not there; tap ONNX tensors by name")
	case len(s.attention) > 0 && patches == 0:
		m.assume("the patch size was not found: give WithPatch (--patch N)")
	case len(s.attention) > 0 && m.spec.Prefix()+patches != tokens:
		m.assume("%d tokens are not %d prefix tokens and a grid of %d×%d patches: give WithPatch (--patch N) and WithPrefix (--cls, --registers)",
			tokens, m.spec.Prefix(), m.spec.Grid[0], m.spec.Grid[1])
	}
	if s.embedding == nil {
		m.assume("no pooled output was found: tap embedding is not there; name one of the file's outputs")
	}
	if t := m.base.Image.Type; t.IsInt() {
		m.assume("input %q holds %s: pixels are given in 0…255 and not rounded, so that the gradient is exact", m.base.Inputs[0].Name, t)
	} else if t != onnx.Float32 {
		m.assume("input %q holds %s: computed in float32", m.base.Inputs[0].Name, t)
	}
}
