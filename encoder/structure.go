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
	s.findPatches(g, r)
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
		if add == nil || slices.Contains(sums, add.Out[0]) {
			continue // a pooling head, or an attention beside another in one block
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
// normalisation, as they do where norms come after the sums, that of the last sum.
func (s *structure) lastBlock(r *reach, sum *graph.Value) *graph.Value {
	if len(s.blocks) == 0 {
		return r.afterMLP(sum)
	}
	for _, b := range s.blocks {
		if !isNorm(b.Unreshaped().Def) {
			return r.afterMLP(sum)
		}
	}
	v := r.normOf(sum)
	if w := r.afterMLP(v); w != v {
		return r.normOf(w)
	}
	return r.normOf(r.afterMLP(sum))
}

// normOf is the normalisation of v, or v itself where there is none.
func (r *reach) normOf(v *graph.Value) *graph.Value {
	for _, n := range r.readers(v) {
		if isNorm(n) {
			return n.Out[0]
		}
	}
	return v
}

// isNorm tells whether a node normalises rows.
func isNorm(n *graph.Node) bool {
	if n == nil {
		return false
	}
	switch n.Op.(type) {
	case graph.LayerNorm, graph.RMSNorm:
		return true
	}
	return false
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

// findPatches finds how the image is cut into patches: by the convolution before block 0 that leaves no more
// places than there are tokens. Where others come before it, a patch is what they cover in all.
func (s *structure) findPatches(g *graph.Graph, r *reach) {
	if len(s.attention) == 0 {
		return
	}
	before := r.ancestors(s.stem)
	image := g.Inputs[0].Shape
	windows := 0
	for _, n := range g.Nodes {
		stride, grid, ok := windowOf(n)
		if !ok || !before[n.Out[0]] {
			continue
		}
		windows++
		if windows > 1 && (grid == s.grid || grid[0]*grid[1] > s.tokens || grid[0] == 0 || grid[1] == 0) {
			continue
		}
		if s.patch, s.grid = stride, grid; windows > 1 {
			s.patch = [2]int{image[2] / grid[0], image[3] / grid[1]}
		}
	}
}

// windowOf gives stride and number of places of a convolution or of a cut into patches.
func windowOf(n *graph.Node) (stride, grid [2]int, ok bool) {
	switch op := n.Op.(type) {
	case graph.Patches:
		shape := n.In[0].Shape
		return [2]int{op.Ph, op.Pw}, [2]int{shape[2] / op.Ph, shape[3] / op.Pw}, true
	case graph.Conv:
		return [2]int{op.Shape.Sh, op.Shape.Sw}, [2]int{op.Shape.Oh, op.Shape.Ow}, true
	}
	return stride, grid, false
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
