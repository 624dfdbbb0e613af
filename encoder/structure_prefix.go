package encoder

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// What kind of tokens stand before the patches.
type prefixKind int

const (
	unknownPrefix prefixKind = iota
	classToken               // the first is a class token, the rest are registers
	registersOnly
)

// constantRows looks at the constants that are joined to the sequence before block 0: a class token is one
// row of its own, registers are several rows together.
func (s *structure) constantRows(m *Model, extra int) prefixKind {
	if extra == 1 {
		return classToken
	}
	var rows []int
	seen := map[*graph.Value]bool{}
	stack := []*graph.Value{m.found[Stem]}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil || v.Def == nil || seen[v] {
			continue
		}
		seen[v] = true
		if _, ok := v.Def.Op.(graph.Concat); ok {
			for _, in := range v.Def.In {
				if in.Const != nil && graph.Size(in.Shape)%s.width == 0 && graph.Size(in.Shape)/s.width <= extra {
					rows = append(rows, graph.Size(in.Shape)/s.width)
				}
			}
		}
		for _, in := range v.Def.In {
			if in != nil && in.Const == nil {
				stack = append(stack, in)
			}
		}
	}
	switch {
	case slices.Contains(rows, 1):
		return classToken
	case slices.Contains(rows, extra) && s.readsFirst(m):
		return classToken
	case slices.Contains(rows, extra):
		return registersOnly
	}
	return unknownPrefix
}

// readsFirst tells whether anything after the last block takes token 0 alone, as pooling by a class token does.
func (s *structure) readsFirst(m *Model) bool {
	after := map[*graph.Value]bool{m.found[Tokens]: true}
	for _, n := range m.base.Nodes {
		for _, in := range n.In {
			if in == nil || !after[in] {
				continue
			}
			after[n.Out[0]] = true
			if op, ok := n.Op.(graph.Slice); ok && slices.Max(append(op.Start, 0)) == 0 && graph.Size(op.Size) == s.width && graph.Size(in.Shape) == s.width*s.tokens {
				return true
			}
		}
	}
	return false
}
