package graph

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// fuseRotary recognises rotary position embeddings by what they compute, however slices, stacks and signs
// spell them: a group of linear operators that read one value is tried on a few arrays and compared with a
// turn of pairs. Prefix tokens that are passed by are turned by nothing.
func fuseRotary(g *Graph) {
	order := make(map[*Node]int, len(g.Nodes))
	for i, n := range g.Nodes {
		order[n] = i
	}
	seen := map[*Node]bool{}
	known := map[string]*rotation{}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if seen[n] || !turnEnd(n) {
			continue
		}
		r, ok := linearRegion(n.Out[0], order)
		if !ok {
			continue
		}
		key := r.signature()
		turn, done := known[key]
		if !done {
			turn = r.recognise()
			known[key] = turn
		}
		if turn != nil {
			for _, m := range r.nodes {
				seen[m] = true
			}
			n.become(turn.op, r.x, turn.c, turn.s)
		}
	}
}

// rotation is what a region turned out to be.
type rotation struct {
	op   Rotary
	c, s *Value
}

// turnEnd tells whether a rotation may end here.
func turnEnd(n *Node) bool {
	switch op := n.Op.(type) {
	case Binary:
		return op.Fn == kernel.Add || op.Fn == kernel.Sub || op.Fn == kernel.Mul
	case Concat, Reshape:
		return true
	}
	return false
}

// region is a group of linear operators from x to y, last first.
type region struct {
	x, y  *Value
	nodes []*Node
}

const maxTurn = 40 // operators in one rotation

// linearRegion walks back from y until all it depends on is one value of y's shape that is added to
// itself somewhere on the way.
func linearRegion(y *Value, order map[*Node]int) (r region, ok bool) {
	if len(y.Shape) < 2 || y.Shape[len(y.Shape)-1]%2 != 0 {
		return r, false
	}
	r.y = y
	front := map[*Value]bool{y: true}
	sums, moves := 0, 0
	for len(r.nodes) < maxTurn {
		if len(front) == 1 && sums > 0 && moves > 0 {
			for x := range front {
				if SameShape(x.Shape, y.Shape) {
					r.x = x
					return r, true
				}
			}
		}
		var last *Value
		for v := range front {
			if v.Def != nil && (last == nil || order[v.Def] > order[last.Def]) {
				last = v
			}
		}
		if last == nil || !linearNode(last.Def) {
			return r, false
		}
		delete(front, last)
		n := last.Def
		r.nodes = append(r.nodes, n)
		switch op := n.Op.(type) {
		case Binary:
			if op.Fn == kernel.Add || op.Fn == kernel.Sub {
				sums++
			}
		case Slice, Gather, Concat:
			moves++
		}
		for _, in := range n.In {
			if in.Const == nil {
				front[in] = true
			}
		}
	}
	return r, false
}

// linearNode tells whether a node is linear in what it computes from: it moves elements, adds, or
// multiplies with constants.
func linearNode(n *Node) bool {
	switch op := n.Op.(type) {
	case Reshape, Transpose, Slice:
		return true
	case Gather:
		return n.In[0].Const == nil && n.In[1].Const != nil
	case Unary:
		return op.Fn == kernel.Neg
	case Concat:
		return !anyConst(n.In)
	case Binary:
		switch op.Fn {
		case kernel.Add, kernel.Sub:
			return !anyConst(n.In)
		case kernel.Mul:
			return fixed(n.In[0]) != fixed(n.In[1])
		case kernel.Div:
			return n.In[0].Const == nil && fixed(n.In[1])
		}
	}
	return false
}

func anyConst(in []*Value) bool {
	for _, v := range in {
		if v.Const != nil {
			return true
		}
	}
	return false
}

// fixed tells whether v is a constant of numbers that no training changes.
func fixed(v *Value) bool { return v.Const != nil && !v.Param && v.DType == Float32 }

var signatureSeed = maphash.MakeSeed()

// signature is equal for regions that compute the same.
func (r region) signature() string {
	var b strings.Builder
	fmt.Fprint(&b, r.x.Shape)
	at := map[*Value]int{r.x: 0, r.y: 1}
	for _, n := range r.nodes {
		fmt.Fprintf(&b, ";%#v", n.Op)
		for _, in := range n.In {
			if in.Const == nil {
				if _, ok := at[in]; !ok {
					at[in] = len(at)
				}
				fmt.Fprintf(&b, " %d", at[in])
				continue
			}
			var h maphash.Hash
			h.SetSeed(signatureSeed)
			for _, f := range in.Const.F {
				maphash.WriteComparable(&h, f)
			}
			for _, f := range in.Const.I {
				maphash.WriteComparable(&h, f)
			}
			fmt.Fprintf(&b, " %v:%x", in.Shape, h.Sum64())
		}
	}
	return b.String()
}

// recognise gives the rotation that the region computes, or nil.
func (r region) recognise() *rotation {
	d := r.x.Shape[len(r.x.Shape)-1]
	for _, half := range []bool{false, true} {
		first := func(i int) bool { return i%2 == 0 }
		if half {
			first = func(i int) bool { return i < d/2 }
		}
		// A turn takes firsts to C of firsts and S of seconds, and seconds to the others.
		a, b := r.apply(func(i int) float32 { return truthOf(first(i % d)) }), r.apply(func(i int) float32 { return truthOf(!first(i % d)) })
		if a == nil || b == nil {
			return nil
		}
		c, s := make([]float32, len(a)), make([]float32, len(a))
		for i := range a {
			if c[i], s[i] = b[i], a[i]; first(i % d) {
				c[i], s[i] = a[i], b[i]
			}
		}
		if r.turns(half, c, s) {
			return r.rotation(half, c, s)
		}
	}
	return nil
}

func truthOf(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// turns compares the region with the rotation on a third array.
func (r region) turns(half bool, c, s []float32) bool {
	d := r.x.Shape[len(r.x.Shape)-1]
	probe := func(i int) float32 { return float32(math.Sin(float64(i)*0.7 + 0.3)) }
	got := r.apply(probe)
	x, y := make([]float32, d), make([]float32, d)
	for at := 0; at < len(got); at += d {
		for i := range x {
			x[i] = probe(at + i)
		}
		kernel.Rotate(y, x, c[at:at+d], s[at:at+d], half)
		if !near(got[at:at+d], y) {
			return false
		}
	}
	return true
}

// apply computes the region for x with the given elements; nil if that takes too much.
func (r region) apply(element func(i int) float32) []float32 {
	size := Size(r.x.Shape)
	lab := New(min(size*2*len(r.nodes), maxElements))
	x := NewTensor(Float32, r.x.Shape...)
	for i := range x.F {
		x.F[i] = element(i)
	}
	done := map[*Value]*Value{r.x: Constant(x)}
	for i := len(r.nodes) - 1; i >= 0; i-- {
		n := r.nodes[i]
		in := make([]*Value, len(n.In))
		for j, v := range n.In {
			if in[j] = done[v]; in[j] == nil {
				in[j] = Constant(v.Const)
			}
		}
		for j, v := range lab.Emit(n.Op, in...) {
			done[n.Out[j]] = v
		}
	}
	return done[r.y].Const.F
}

// rotation keeps one copy of the factors along the first and the last axes on which they are the same.
func (r region) rotation(half bool, c, s []float32) *rotation {
	k := len(r.x.Shape) - 1
	dims, d := r.x.Shape[:k], r.x.Shape[k]
	f := [][]float32{c, s}
	lo, hi := 0, k
	for hi > 0 && merge(f, Size(dims[:hi-1]), dims[hi-1], d) {
		hi--
	}
	for lo < hi && merge(f, 1, dims[lo], Size(dims[lo+1:hi])*d) {
		lo++
	}
	op := Rotary{half, Size(dims[lo:hi]), Size(dims[hi:])}
	return &rotation{op, Constant(Floats(f[0], op.Rows, d)), Constant(Floats(f[1], op.Rows, d))}
}

// merge keeps the first of n entries along the middle axis of [outer,n,inner] if all are equal.
func merge(f [][]float32, outer, n, inner int) bool {
	for _, v := range f {
		for i := range outer * n {
			if !slices.Equal(v[i*inner:][:inner], v[i/n*n*inner:][:inner]) {
				return false
			}
		}
	}
	for k, v := range f {
		kept := make([]float32, 0, outer*inner)
		for o := range outer {
			kept = append(kept, v[o*n*inner:][:inner]...)
		}
		f[k] = kept
	}
	return true
}
