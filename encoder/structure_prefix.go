package encoder

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// What kind of tokens stand before the patches.
type prefixKind int

const (
	unknownPrefix prefixKind = iota
	classToken               // the first is a class token, the rest are registers
	registersOnly
)

// prefixOf tells what the tokens before the patches are: by the names of the file's tensors if these account
// for all, else by what is pooled and by the constants that are joined to the sequence before block 0: a class
// token is one row of its own, registers are several rows together.
func (s *structure) prefixOf(m *Model, extra int) prefixKind {
	if kind := s.namedPrefix(m, extra); kind != unknownPrefix {
		return kind
	}
	first := s.readsFirst(m)
	if extra == 1 && first {
		return classToken
	}
	rows, positioned := s.constantRows(m, extra)
	switch {
	case slices.Contains(rows, 1) && (extra > 1 || positioned):
		return classToken
	case slices.Contains(rows, extra) && first:
		return classToken
	case extra > 1 && slices.Contains(rows, extra):
		return registersOnly
	}
	return unknownPrefix
}

// Names that exporters keep for class tokens and registers.
var (
	classNames    = []string{"cls_token", "class_token", "class_embedding", "cls_embed", "class_embed"}
	registerNames = []string{"reg_token", "register_token", "registers", "storage_token", "dist_token"}
)

// namedPrefix compares the tensors of the file that are named as class tokens and registers with the number of
// tokens.
func (s *structure) namedPrefix(m *Model, extra int) prefixKind {
	class, registers := 0, 0
	for _, t := range m.source.Graph.Initializers {
		if t.Len() == 0 || t.Len()%s.width != 0 || t.Len()/s.width > extra {
			continue
		}
		in := func(word string) bool { return strings.Contains(strings.ToLower(t.Name), word) }
		if slices.ContainsFunc(classNames, in) && t.Len() == s.width {
			class = 1
		} else if slices.ContainsFunc(registerNames, in) {
			registers += t.Len() / s.width
		}
	}
	switch {
	case class+registers != extra:
		return unknownPrefix
	case class == 1:
		return classToken
	}
	return registersOnly
}

// constantRows lists the lengths of the constants that are joined to the sequence before block 0, and tells
// whether the whole sequence is then given positions, as class tokens are and registers are not.
func (s *structure) constantRows(m *Model, extra int) (rows []int, positioned bool) {
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
			} else if in != nil && v.Def.Op == graph.Op(graph.Binary{Fn: kernel.Add}) && graph.Size(in.Shape) == s.tokens*s.width {
				positioned = true
			}
		}
	}
	return rows, positioned
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
