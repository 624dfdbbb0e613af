package encoder

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// weightUse is a constant input of an operator that can be trained.
type weightUse struct {
	value *graph.Value
	role  train.Role
}

// weightsOf lists the constant inputs of a node that are weights.
func weightsOf(n *graph.Node) (uses []weightUse) {
	add := func(i int, r train.Role) {
		if i < len(n.In) && isWeight(n.In[i]) {
			uses = append(uses, weightUse{n.In[i], r})
		}
	}
	switch op := n.Op.(type) {
	case graph.Linear:
		add(1, train.Matrix)
		if op.Bias {
			add(2, train.Bias)
		}
	case graph.Conv:
		add(1, train.Matrix)
		if op.Bias {
			add(2, train.Bias)
		}
	case graph.MatMul:
		add(0, train.Matrix)
		add(1, train.Matrix)
	case graph.LayerNorm, graph.RMSNorm:
		add(1, train.Norm)
		add(2, train.Norm)
	case graph.Concat:
		for i := range n.In {
			add(i, train.Constant)
		}
	case graph.Gather:
		add(0, train.Constant)
	case graph.Binary:
		if op.Fn == kernel.Add || op.Fn == kernel.Mul {
			add(0, train.Constant)
			add(1, train.Constant)
		}
	}
	return uses
}

// isWeight tells whether a value is a constant array; single numbers belong to the architecture.
func isWeight(v *graph.Value) bool {
	return v != nil && v.Const != nil && v.DType == graph.Float32 && len(v.Const.F) > 1
}

// promote finds the parameters and gives the constants they fill memory of their own.
func (t *Trainable) promote() (err error) {
	defer filemap.Guard(&err)()
	fused, _ := t.base.Clone(t.base.Outputs)
	if err := fused.FuseBlocks(); err != nil {
		return err
	}
	at := newBlockFinder(fused)
	byName := map[string]*train.Param{}
	started := false
	for _, n := range fused.Nodes {
		started = started || isLayer(n)
		if !started {
			continue // normalisation of pixels
		}
		for _, use := range weightsOf(n) {
			if err := t.addSlot(fused, use, at.block(n), byName); err != nil {
				return err
			}
		}
	}
	t.own(t.base)
	t.findUnread()
	return nil
}

// isLayer tells whether a node is where the network proper begins.
func isLayer(n *graph.Node) bool {
	switch n.Op.(type) {
	case graph.Linear, graph.Conv, graph.Gather:
		return true
	}
	return false
}

// addSlot registers a constant and the parameters that fill it.
func (t *Trainable) addSlot(g *graph.Graph, use weightUse, block int, byName map[string]*train.Param) error {
	c := use.value.Const
	if t.slots[&c.F[0]] != nil {
		return nil
	}
	pieces, ok := g.Sources(c)
	if !ok {
		t.fixed = append(t.fixed, use.value.String())
		return nil
	}
	s := &slot{data: slices.Clone(c.F)}
	for _, src := range pieces {
		p := byName[src.Tensor]
		if p == nil {
			tensor := t.source.Tensor(src.Tensor)
			if tensor == nil {
				return fmt.Errorf("the file has no tensor %q", src.Tensor)
			}
			v, err := tensor.Float32s()
			if err != nil {
				return err
			}
			p = train.NewParam(src.Tensor, use.role, slices.Clone(tensor.Dims), slices.Clone(v))
			p.Block = block
			byName[src.Tensor] = p
			t.params = append(t.params, p)
		}
		s.pieces = append(s.pieces, piece{p, src.From, src.To})
	}
	t.slots[&c.F[0]] = s
	t.order = append(t.order, s)
	return nil
}

// own replaces the memory of all promoted constants of g.
func (t *Trainable) own(g *graph.Graph) {
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if !isWeight(v) {
				continue
			}
			if s := t.slots[&v.Const.F[0]]; s != nil {
				v.Const = graph.Floats(s.data, v.Const.Shape...)
			}
		}
	}
	slots := make(map[*float32]*slot, len(t.order))
	for _, s := range t.order {
		slots[&s.data[0]] = s
	}
	t.slots = slots
}

// blockFinder tells in which block a node lies.
type blockFinder struct {
	reach *reach
	marks []*graph.Value // the stem and every block's output
}

func newBlockFinder(g *graph.Graph) *blockFinder {
	s := findStructure(g)
	f := &blockFinder{reach: newReach(g)}
	if s.stem != nil {
		f.marks = append([]*graph.Value{s.stem}, s.blocks...)
	}
	return f
}

// block is the number of blocks finished before n, or -1 before the first begins.
func (f *blockFinder) block(n *graph.Node) int {
	before := f.reach.ancestors(n.Out[0])
	b := -1
	for _, m := range f.marks {
		if !before[m] {
			break
		}
		b++
	}
	return b
}
