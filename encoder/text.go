package encoder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TextModel is a text encoder read from ONNX: the text tower of a CLIP or SigLIP, alone or in one file with
// its vision tower. It is immutable and serves many goroutines.
type TextModel struct {
	name    string
	source  *onnx.Model
	tokens  *onnx.ValueInfo
	lead    []int // axes of length 1 between the batch and the tokens
	context int   // fixed number of tokens; 0 for any
	weights *graph.Weights

	mu       sync.Mutex
	programs map[int]*textProgram
}

// textProgram is the compiled form for one number of tokens.
type textProgram struct {
	engine     *engine.Program
	in, out    *graph.Value
	vocabulary int // 0 where it was not found

	mu   sync.Mutex
	idle []*engine.State
}

// OpenText reads a text encoder. Its tokens are the file's first integer input of rank 2, or the one that
// WithInput names, or an input of rank 4 that holds ids as floats, B×1×1×T; an attention mask is taken as ones, position ids as 0, 1, 2, …, token type ids as zeros,
// and outputs that need an image are left out.
func OpenText(path string, opts ...Option) (*TextModel, error) {
	src, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	o := options{name: nameOf(path)}
	for _, f := range opts {
		f(&o)
	}
	m := &TextModel{name: o.name, source: src, weights: graph.NewWeights(), programs: map[int]*textProgram{}}
	m.weights.Check = src.CheckFile
	if m.tokens, err = tokenInput(src, o.input); err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", m.name, err)
	}
	last := len(m.tokens.Dims) - 1
	m.lead = slices.Repeat([]int{1}, last-1)
	if n := m.tokens.Dims[last].Value; n > 0 {
		m.context = int(n)
		if _, err := m.program(m.context); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// tokenInput finds the tokens among the inputs.
func tokenInput(src *onnx.Model, name string) (*onnx.ValueInfo, error) {
	var pick *onnx.ValueInfo
	var seen []string
	for _, v := range src.Graph.Inputs {
		if src.Graph.Initializer(v.Name) != nil {
			continue
		}
		seen = append(seen, v.Name)
		fits := v.Type.IsInt() && v.HasShape && len(v.Dims) == 2 || floatTokens(v)
		if name != "" {
			if v.Name == name && fits {
				pick = v
			}
		} else if fits && pick == nil && helper(v.Name) == nil {
			pick = v
		}
	}
	if pick == nil {
		return nil, fmt.Errorf("no input takes tokens (integers, B×T); inputs are %s", strings.Join(seen, ", "))
	}
	return pick, nil
}

// floatTokens reports whether an input has the shape of one row of one channel: no image, but ids as floats.
func floatTokens(v *onnx.ValueInfo) bool {
	return v.Type.IsFloat() && v.HasShape && len(v.Dims) == 4 && v.Dims[1].Value == 1 && v.Dims[2].Value == 1
}

// helper gives the value of inputs that accompany tokens; nil for others.
func helper(name string) func(i int) int64 {
	switch name = strings.ToLower(name); {
	case strings.Contains(name, "mask"):
		return func(int) int64 { return 1 }
	case strings.Contains(name, "position"):
		return func(i int) int64 { return int64(i) }
	case strings.Contains(name, "token_type"), strings.Contains(name, "segment"):
		return func(int) int64 { return 0 }
	}
	return nil
}

// Context is the number of tokens that every text must have; 0 for any number.
func (m *TextModel) Context() int { return m.context }

// maxContext bounds the number of tokens of a text.
const maxContext = 1 << 14

// program compiles for texts of n tokens on first use.
func (m *TextModel) program(n int) (*textProgram, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.programs[n]; p != nil {
		return p, nil
	}
	p, err := m.compile(n)
	if err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", m.name, err)
	}
	m.programs[n] = p
	return p, nil
}

func (m *TextModel) compile(n int) (p *textProgram, err error) {
	defer filemap.Guard(&err)()
	kind := graph.Int64
	if m.tokens.Type.IsFloat() {
		kind = graph.Float32
	}
	shape := append(append([]int{1}, m.lead...), n)
	o := graph.ImportOptions{Sources: []graph.Source{{Name: m.tokens.Name, Type: graph.Type{DType: kind, Shape: shape}}}}
	for _, v := range m.source.Graph.Inputs {
		f := helper(v.Name)
		if v.Name == m.tokens.Name || f == nil || m.source.Graph.Initializer(v.Name) != nil {
			continue
		}
		d := graph.Int64
		if v.Type.IsFloat() {
			d = graph.Float32
		} else if v.Type == onnx.Bool {
			d = graph.Bool
		}
		t := graph.NewTensor(d, 1, n)
		for i := range n {
			if d == graph.Float32 {
				t.F[i] = float32(f(i))
			} else {
				t.I[i] = f(i)
			}
		}
		o.Sources = append(o.Sources, graph.Source{Name: v.Name, Const: t})
	}
	g, err := graph.Import(m.source, o)
	if err != nil {
		return nil, err
	}
	s := structure{}
	s.findEmbedding(g)
	if s.embedding == nil {
		return nil, fmt.Errorf("no output is one vector a text; outputs that depend on the tokens alone: %s", outputNames(g))
	}
	c, _ := g.Clone([]*graph.Value{s.embedding})
	if err := fuse(c, true); err != nil {
		return nil, err
	}
	p = &textProgram{in: c.Inputs[0], out: c.Outputs[0], vocabulary: vocabulary(c)}
	p.engine, err = engine.Compile(c, len(c.Nodes), nil, m.weights)
	return p, err
}

func outputNames(g *graph.Graph) string {
	var s []string
	for _, v := range g.Outputs {
		s = append(s, v.String())
	}
	return strings.Join(s, ", ")
}

// vocabulary is the number of rows of the table that the tokens index; 0 if none is found.
func vocabulary(g *graph.Graph) int {
	from := map[*graph.Value]bool{g.Inputs[0]: true}
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case graph.Reshape, graph.Cast:
			if from[n.In[0]] {
				from[n.Out[0]] = true
			}
		case graph.Gather:
			if from[n.In[1]] && n.In[0].Const != nil && op.Axis == 0 {
				return n.In[0].Shape[0]
			}
		}
	}
	return 0
}

// Embed returns the pooled output of each text, B×E, as the file gives it (not normalised, unless the file
// does so). All texts have the same number of tokens, padded as the model was trained: CLIP with zeros or its
// end-of-text token after the end of text, SigLIP with its own padding token.
func (m *TextModel) Embed(ctx context.Context, tokens [][]int64) (*tensor.Dense, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("encoder: %s: no texts are given", m.name)
	}
	n := len(tokens[0])
	if n == 0 || n > maxContext || m.context > 0 && n != m.context {
		return nil, fmt.Errorf("encoder: %s: a text of %d tokens; the model takes %s", m.name, n, contextName(m.context))
	}
	p, err := m.program(n)
	if err != nil {
		return nil, err
	}
	for i, t := range tokens {
		if len(t) != n {
			return nil, fmt.Errorf("encoder: %s: text %d has %d tokens and text 0 has %d: pad them to one length", m.name, i, len(t), n)
		}
		j := slices.IndexFunc(t, func(v int64) bool { return v < 0 || p.vocabulary > 0 && v >= int64(p.vocabulary) })
		if j >= 0 {
			return nil, fmt.Errorf("encoder: %s: text %d: token %d is %d, outside the vocabulary of %d", m.name, i, j, t[j], p.vocabulary)
		}
	}
	width := graph.Size(p.out.Shape)
	out := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(len(tokens), width))
	rows := out.Float32s()
	err = parallel(len(tokens), func(b int) error { return p.run(ctx, rows[b*width:(b+1)*width], tokens[b]) })
	return out, err
}

func contextName(n int) string {
	if n > 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("1 to %d", maxContext)
}

// run computes one text.
func (p *textProgram) run(ctx context.Context, dst []float32, tokens []int64) error {
	p.mu.Lock()
	var s *engine.State
	if k := len(p.idle); k > 0 {
		s, p.idle = p.idle[k-1], p.idle[:k-1]
	}
	p.mu.Unlock()
	if s == nil {
		var err error
		if s, err = p.engine.NewState(1); err != nil {
			return err
		}
	}
	if p.in.DType == graph.Float32 {
		in := s.Values(p.in)
		for i, id := range tokens {
			in[i] = float32(id) // exact up to 2²⁴, far above any vocabulary
		}
	} else {
		copy(s.Ints(p.in), tokens)
	}
	if err := s.Forward(ctx); err != nil {
		return err
	}
	copy(dst, s.Values(p.out))
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	return nil
}
