package encoder

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// structure is what is found in an encoder's graph: the residual stream and what feeds it.
type structure struct {
	stem      *graph.Value
	blocks    []*graph.Value
	attention []attention // one a block; empty for convolutional encoders
	embedding *graph.Value
	patch     [2]int // patch height and width; zero where there is no patch embedding
	grid      [2]int
	tokens    int
	width     int
}

// findStructure reads the residual stream off a graph in which attention has been fused.
func findStructure(g *graph.Graph) structure {
	s := structure{}
	r := newReach(g)
	s.findBlocks(g, r)
	if len(s.blocks) == 0 {
		s.findStages(g, r)
	}
	s.findPatches(g)
	s.findEmbedding(g)
	return s
}

// reach answers questions about what depends on what; a value and its reshapes count as one.
type reach struct {
	g     *graph.Graph
	users map[*graph.Value][]*graph.Node
	order map[*graph.Node]int
}

func newReach(g *graph.Graph) *reach {
	r := &reach{g: g, users: map[*graph.Value][]*graph.Node{}, order: map[*graph.Node]int{}}
	for i, n := range g.Nodes {
		r.order[n] = i
		if _, is := n.Op.(graph.Reshape); is {
			continue
		}
		for _, in := range n.In {
			if in == nil {
				continue
			}
			if v := in.Unreshaped(); !slices.Contains(r.users[v], n) {
				r.users[v] = append(r.users[v], n)
			}
		}
	}
	return r
}

// readers lists the nodes that read v.
func (r *reach) readers(v *graph.Value) []*graph.Node { return r.users[v.Unreshaped()] }

// ancestors is the set of values that v depends on.
func (r *reach) ancestors(v *graph.Value) map[*graph.Value]bool {
	set := map[*graph.Value]bool{}
	stack := []*graph.Value{v}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.Def == nil {
			continue
		}
		for _, in := range v.Def.In {
			if in != nil && in.Const == nil && !set[in] {
				set[in] = true
				stack = append(stack, in)
			}
		}
	}
	return set
}

// maxBranch bounds the operators between an attention and the addition that closes its branch.
const maxBranch = 24

// maxDepth bounds the blocks or residual sums that are looked at.
const maxDepth = 512

// closing follows the branch that starts at v to the addition of a value from before it, and gives that
// addition and the value.
func (r *reach) closing(v *graph.Value) (add *graph.Node, skip *graph.Value) {
	before := r.ancestors(v)
	for range maxBranch {
		users := r.readers(v)
		for _, n := range users {
			if x := otherTerm(n, v); x != nil && before[x.Unreshaped()] {
				return n, x
			}
		}
		if len(users) != 1 || graph.Size(users[0].Out[0].Shape) < graph.Size(v.Shape)/8 {
			return nil, nil
		}
		v = users[0].Out[0]
	}
	return nil, nil
}

// otherTerm is the other operand where n adds v to an equally large value.
func otherTerm(n *graph.Node, v *graph.Value) *graph.Value {
	if n.Op != graph.Op(graph.Binary{Fn: kernel.Add}) {
		return nil
	}
	for i, in := range n.In {
		if x := n.In[1-i]; in.Unreshaped() == v.Unreshaped() && x.Const == nil && graph.SameShape(x.Shape, in.Shape) {
			return x
		}
	}
	return nil
}

// findBlocks finds transformer blocks: each adds its attention to the stream, then its MLP.
func (s *structure) findBlocks(g *graph.Graph, r *reach) {
	var sums []*graph.Value
	looked := 0
	for _, n := range g.Nodes {
		a, ok := findAttention(n)
		if !ok {
			continue
		}
		if looked++; looked > maxDepth {
			break
		}
		add, skip := r.closing(n.Out[0])
		if add == nil {
			continue // a pooling head
		}
		if s.isMap(g, skip) {
			s.stem, s.blocks, s.attention = nil, nil, nil
			return // a convolutional encoder whose last stages attend
		}
		if s.stem == nil {
			s.stem = skip
		} else {
			s.blocks = append(s.blocks, skip)
		}
		s.attention = append(s.attention, a)
		sums = append(sums, add.Out[0])
	}
	if len(sums) == 0 {
		return
	}
	s.blocks = append(s.blocks, s.lastBlock(r, sums[len(sums)-1]))
	s.width = s.stem.Shape[len(s.stem.Shape)-1]
	s.tokens = graph.Size(s.stem.Shape) / s.width
}

// isMap tells whether a stream of this shape is a map of channels 1×C×H×W and not a sequence of tokens.
func (s *structure) isMap(g *graph.Graph, v *graph.Value) bool {
	in := g.Inputs[0].Shape
	if len(v.Shape) != 4 || len(in) != 4 || v.Shape[2] < 2 || v.Shape[3] < 2 {
		return false
	}
	first := in[2]*v.Shape[2] == in[3]*v.Shape[1] // H×W on axes 1 and 2
	last := in[2]*v.Shape[3] == in[3]*v.Shape[2]
	return last && !(first && v.Shape[1] == v.Shape[2])
}

// lastBlock is the output of the last block: the sum after its MLP, or, where earlier blocks end in a
// normalisation of that sum, its normalisation.
func (s *structure) lastBlock(r *reach, sum *graph.Value) *graph.Value {
	v := r.afterMLP(sum)
	for _, b := range s.blocks {
		if b.Def == nil {
			return v
		}
		if _, ok := b.Def.Op.(graph.LayerNorm); !ok {
			return v
		}
	}
	if len(s.blocks) == 0 {
		return v
	}
	for _, n := range r.readers(v) {
		if _, ok := n.Op.(graph.LayerNorm); ok {
			return n.Out[0]
		}
	}
	return v
}

// afterMLP is the sum of v and a branch that starts at v, or v itself where there is none.
func (r *reach) afterMLP(v *graph.Value) *graph.Value {
	for _, n := range r.readers(v) {
		if x := otherTerm(n, v); x != nil && r.ancestors(x)[v.Unreshaped()] {
			return n.Out[0]
		}
	}
	return v
}

// findStages finds the residual stages of a convolutional encoder: the last of each run of residual
// sums of one shape.
func (s *structure) findStages(g *graph.Graph, r *reach) {
	looked := 0
	for _, n := range g.Nodes {
		out := n.Out[0]
		if len(out.Shape) != 4 || n.Op != graph.Op(graph.Binary{Fn: kernel.Add}) || otherTerm(n, n.In[0]) == nil {
			continue
		}
		if looked++; looked > maxDepth {
			break
		}
		from := r.fork(n)
		if from == nil {
			continue
		}
		if s.stem == nil {
			s.stem = from
		}
		if users := r.readers(out); len(users) == 1 && users[0].Op == graph.Op(graph.Unary{Fn: kernel.Relu}) {
			out = users[0].Out[0]
		}
		if k := len(s.blocks); k > 0 && graph.SameShape(s.blocks[k-1].Shape, out.Shape) {
			s.blocks[k-1] = out
		} else {
			s.blocks = append(s.blocks, out)
		}
	}
	if s.stem != nil {
		s.width = s.blocks[len(s.blocks)-1].Shape[1]
	}
}

// fork is the latest value that both terms of a sum depend on (or are).
func (r *reach) fork(add *graph.Node) *graph.Value {
	a, b := r.ancestors(add.In[0]), r.ancestors(add.In[1])
	a[add.In[0]], b[add.In[1]] = true, true
	var best *graph.Value
	for v := range a {
		if b[v] && v.Def != nil && (best == nil || r.order[v.Def] > r.order[best.Def]) {
			best = v
		}
	}
	return best
}

// findPatches finds how the image is cut into patches.
func (s *structure) findPatches(g *graph.Graph) {
	if len(s.attention) == 0 {
		return
	}
	for _, n := range g.Nodes {
		shape := n.In[0].Shape
		switch op := n.Op.(type) {
		case graph.Patches:
			s.patch = [2]int{op.Ph, op.Pw}
			s.grid = [2]int{shape[2] / op.Ph, shape[3] / op.Pw}
			return
		case graph.Conv:
			s.patch = [2]int{op.Shape.Sh, op.Shape.Sw}
			s.grid = [2]int{op.Shape.Oh, op.Shape.Ow}
			return
		case graph.Attention:
			return
		}
	}
}

// findEmbedding picks the pooled output: a rank-2 output, by its name where there are several.
func (s *structure) findEmbedding(g *graph.Graph) {
	best := -1
	for _, v := range g.Outputs {
		if v.DType != graph.Float32 || flatRank(v.Shape) > 1 {
			continue
		}
		if p := embeddingRank(v.Name); p > best {
			s.embedding, best = v, p
		}
	}
}

// flatRank counts the axes longer than 1.
func flatRank(shape []int) int {
	n := 0
	for _, d := range shape {
		if d > 1 {
			n++
		}
	}
	return n
}
