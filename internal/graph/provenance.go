package graph

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// provenance remembers how constants were made from the tensors of a model, by the memory they lie in.
type provenance struct {
	leaf map[*float32]string // constants of the file
	made map[*float32]*Node  // constants that folding computed
}

func newProvenance() *provenance {
	return &provenance{leaf: map[*float32]string{}, made: map[*float32]*Node{}}
}

// Piece says which elements of a constant are elements of one of the model's tensors: element To[i] is
// the tensor's element From[i]. Both are nil where the constant is that tensor, element by element.
type Piece struct {
	Tensor   string
	From, To []int32
}

// Sources tells which elements of the model's tensors a constant consists of, in the graph of an import
// with [ImportOptions].Trace. It is false for a constant that was computed and not only rearranged.
func (g *Graph) Sources(t *Tensor) ([]Piece, bool) {
	if g.origin == nil || t.DType != Float32 || len(t.F) == 0 {
		return nil, false
	}
	if name, ok := g.origin.leaf[&t.F[0]]; ok {
		return []Piece{{Tensor: name}}, true
	}
	var names []string
	codes := g.origin.codes(t, &names, maxTrace)
	if codes == nil {
		return nil, false
	}
	pieces := make([]Piece, len(names))
	for i, c := range codes.I {
		p := &pieces[c>>32]
		p.From = append(p.From, int32(c&0xffffffff))
		p.To = append(p.To, int32(i))
	}
	for i, name := range names {
		pieces[i].Tensor = name
	}
	return pieces, true
}

// maxTrace bounds how many operators a constant is followed through.
const maxTrace = 32

// codes runs what made t on numbers that name elements instead of on the elements: tensor i's element j
// is i·2³² + j. It is nil where that cannot be done.
func (p *provenance) codes(t *Tensor, names *[]string, depth int) *Tensor {
	if len(t.F) == 0 || len(t.F) >= 1<<31 || depth == 0 {
		return nil
	}
	if name, ok := p.leaf[&t.F[0]]; ok {
		c := NewTensor(Int64, t.Shape...)
		first := int64(tensorIndex(names, name)) << 32
		for i := range c.I {
			c.I[i] = first + int64(i)
		}
		return c
	}
	n := p.made[&t.F[0]]
	if n == nil {
		return nil
	}
	in := make([]*Tensor, len(n.In))
	for i, v := range n.In {
		if in[i] = v.Const; v.DType == Float32 {
			if in[i] = p.codes(v.Const, names, depth-1); in[i] == nil {
				return nil
			}
		}
	}
	if _, same := n.Op.(Cast); same {
		return in[0].Reshaped(t.Shape...)
	}
	out := NewTensor(Int64, n.Out[0].Shape...)
	n.Op.Bind(NewBinder(nil), in, []*Tensor{out})()
	return out.Reshaped(t.Shape...)
}

func tensorIndex(names *[]string, name string) int {
	for i, n := range *names {
		if n == name {
			return i
		}
	}
	*names = append(*names, name)
	return len(*names) - 1
}

// note records that folding made the node's result, where the node only moves elements.
func (p *provenance) note(n *Node) {
	if p == nil || n.Out[0].DType != Float32 || len(n.Out[0].Const.F) == 0 {
		return
	}
	switch n.Op.(type) {
	case Transpose, Slice, Concat, Gather, Expand:
	case Cast:
		if n.In[0].DType != Float32 {
			return
		}
	case Binary:
		if n = unchanged(n); n == nil {
			return
		}
	default:
		return
	}
	p.made[&n.Out[0].Const.F[0]] = n
}

// unchanged sees a sum with zeros, as exporters write to repeat a class token for a batch, as the
// repetition that it is; nil for any other operation.
func unchanged(n *Node) *Node {
	if n.Op != Op(Binary{kernel.Add}) {
		return nil
	}
	for i, v := range n.In {
		if v.DType == Float32 && !slices.ContainsFunc(v.Const.F, func(x float32) bool { return x != 0 }) {
			return &Node{Op: Expand{n.Out[0].Shape}, In: []*Value{n.In[1-i]}, Out: n.Out}
		}
	}
	return nil
}

// named records that a constant is a tensor of the file.
func (p *provenance) named(t *Tensor, name string) {
	if p != nil && t.DType == Float32 && len(t.F) > 0 {
		p.leaf[&t.F[0]] = name
	}
}
