// Package engine runs operator graphs for one image: it lays all arrays out in one arena before the
// first run and allocates nothing afterwards.
package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// Program is a graph with a schedule and a memory plan. It is immutable and shared by its states.
type Program struct {
	Graph   *graph.Graph
	Forward int // number of leading nodes that run in the forward pass

	weights *graph.Weights
	place   map[*graph.Value]place
	arena   int // floats
}

// place says where a value lies: offset off in the memory of root.
type place struct {
	root *graph.Value
	off  int // floats from the root's start, then, once planned, from the arena's
}

// span is a root value's size and life, in schedule steps.
type span struct {
	value      *graph.Value
	size       int
	start, end int
	at         int
}

// Compile plans g, whose first forward nodes are the forward pass: inputs named in late are written
// between the passes, all others before the first. Packed weights go to w.
func Compile(g *graph.Graph, forward int, late []*graph.Value, w *graph.Weights) (*Program, error) {
	p := &Program{Graph: g, Forward: forward, weights: w, place: map[*graph.Value]place{}}
	spans := p.lives(late)
	total := layout(spans)
	if total > maxArena {
		return nil, fmt.Errorf("this graph needs %d MiB for one image; the limit is %d MiB", total>>18, maxArena>>18)
	}
	p.arena = total
	at := make(map[*graph.Value]int, len(spans))
	for _, s := range spans {
		at[s.value] = s.at
	}
	for v, pl := range p.place {
		pl.off += at[pl.root]
		p.place[v] = pl
	}
	return p, nil
}

const maxArena = 1 << 33 // floats

// Arena is the number of bytes of working memory that one state of the program holds.
func (p *Program) Arena() int { return p.arena * 4 }

// lives decides which values share memory and finds how long each piece is needed.
func (p *Program) lives(late []*graph.Value) []*span {
	spans := map[*graph.Value]*span{}
	var list []*span
	add := func(v *graph.Value, start int) {
		s := &span{value: v, size: roundUp(graph.Size(v.Shape)), start: start, end: start}
		spans[v] = s
		list = append(list, s)
		p.place[v] = place{v, 0}
	}
	for _, v := range p.Graph.Inputs {
		if v.DType != graph.Float32 {
			continue // integers have memory of their own
		}
		if slices.Contains(late, v) {
			add(v, p.Forward)
		} else {
			add(v, 0)
		}
	}
	read := map[*graph.Value]bool{}
	for _, v := range p.Graph.Outputs {
		read[v] = true
	}
	for _, n := range p.Graph.Nodes {
		for _, v := range n.In {
			read[v] = true
		}
	}
	for i, n := range p.Graph.Nodes {
		for _, v := range n.In {
			if pl, ok := p.place[v]; ok {
				spans[pl.root].end = i
			}
		}
		if off, ok := n.Alias(); ok && p.place[n.In[0]].root != nil {
			in := p.place[n.In[0]]
			p.place[n.Out[0]] = place{in.root, in.off + off}
			continue
		}
		for _, v := range n.Out {
			if read[v] && v.DType == graph.Float32 {
				add(v, i)
			}
		}
	}
	for _, v := range p.Graph.Outputs {
		if pl, ok := p.place[v]; ok {
			spans[pl.root].end = math.MaxInt
		}
	}
	return list
}

func roundUp(n int) int { return (n + 15) &^ 15 }

// layout gives every span an offset such that no two that live at once overlap, largest first, each at
// the lowest place that is free.
func layout(spans []*span) (total int) {
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b *span) int { return cmp.Compare(b.size, a.size) })
	var placed []*span // by offset
	for _, s := range order {
		at := 0
		for _, o := range placed {
			if o.end < s.start || s.end < o.start {
				continue
			}
			if at+s.size <= o.at {
				break
			}
			at = max(at, o.at+o.size)
		}
		s.at = at
		total = max(total, at+s.size)
		i, _ := slices.BinarySearchFunc(placed, s, func(a, b *span) int { return cmp.Compare(a.at, b.at) })
		placed = slices.Insert(placed, i, s)
	}
	return total
}
