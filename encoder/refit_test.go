package encoder

import (
	"fmt"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
)

// TestRefitConstants carries constants of every layout from a 4×4 grid to 2×8, which has as many patches, and to 3×5.
func TestRefitConstants(t *testing.T) {
	for _, c := range []struct {
		shape, wide, small []int // computed beside it at 2×8 and 3×5
		factor             bool
		want               string // of shapes at 2×8 and 3×5, or "refused" or "kept"
	}{
		{[]int{17, 6}, []int{1, 17, 6}, []int{1, 16, 6}, false, "[17 6] [16 6]"},
		{[]int{1, 16, 6}, []int{1, 16, 6}, []int{1, 15, 6}, false, "[1 16 6] [1 15 6]"},
		{[]int{19, 1, 6}, []int{19, 1, 6}, []int{18, 1, 6}, false, "[19 1 6] [18 1 6]"},
		{[]int{1, 6, 4, 4}, []int{1, 6, 2, 8}, []int{1, 6, 3, 5}, false, "[1 6 2 8] [1 6 3 5]"},
		{[]int{4, 4, 6}, []int{1, 2, 8, 6}, []int{1, 3, 5, 6}, false, "[2 8 6] [3 5 6]"},
		{[]int{1, 2, 17, 17}, []int{1, 2, 17, 17}, []int{1, 2, 16, 16}, false, "refused refused"}, // relative positions
		{[]int{1, 1, 16, 6}, []int{1, 2, 16, 6}, []int{1, 2, 15, 6}, true, "refused refused"},     // rotary angles
		{[]int{1, 1, 6}, []int{1, 17, 6}, []int{1, 16, 6}, false, "kept kept"},                    // a row
		{[]int{2, 3, 6}, []int{2, 3, 6}, []int{2, 3, 6}, false, "kept kept"},                      // of something else
	} {
		k := graph.NewTensor(graph.Float32, c.shape...)
		for i := range k.F {
			k.F[i] = float32(i % 7)
		}
		own := &ownSize{image: [2]int{32, 32}, grid: [2]int{4, 4}, tokens: 17, constants: []*graph.Tensor{k}}
		try := func(grid [2]int, x []int) string {
			got, err := refit{own: own, to: grid}.constant(k, x, !c.factor)
			if err != nil {
				return "refused"
			}
			if got == k {
				return "kept"
			}
			return fmt.Sprint(got.Shape)
		}
		if got := try([2]int{2, 8}, c.wide) + " " + try([2]int{3, 5}, c.small); got != c.want {
			t.Errorf("a constant of shape %v: %s, want %s", c.shape, got, c.want)
		}
		other := graph.NewTensor(graph.Float32, c.shape...)
		if got, err := (refit{own: own, to: [2]int{3, 5}}).constant(other, c.small, !c.factor); err != nil || got != other {
			t.Errorf("a constant of shape %v that the file makes for its size was changed", c.shape)
		}
	}
}

// TestRefitKeepsPrefixAndPlanes compares rows, planes and both ends of the sequence.
func TestRefitKeepsPrefixAndPlanes(t *testing.T) {
	rows := graph.NewTensor(graph.Float32, 18, 3) // two prefix tokens
	for i := range rows.F {
		rows.F[i] = float32(i*i%11) - 5
	}
	planes := graph.NewTensor(graph.Float32, 3, 4, 4)
	for j := range 3 {
		for i := range 16 {
			planes.F[j*16+i] = rows.F[(i+2)*3+j]
		}
	}
	own := &ownSize{image: [2]int{32, 32}, grid: [2]int{4, 4}, tokens: 18, constants: []*graph.Tensor{rows, planes}}
	f := refit{own: own, to: [2]int{3, 5}}
	a, err := f.constant(rows, []int{1, 17, 3}, true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.constant(planes, []int{1, 3, 3, 5}, true)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.F[:6], rows.F[:6]) {
		t.Errorf("prefix tokens %v became %v", rows.F[:6], a.F[:6])
	}
	for j := range 3 {
		for i := range 15 {
			if a.F[(i+2)*3+j] != b.F[j*15+i] {
				t.Fatalf("feature %d of patch %d: %g in rows, %g in planes", j, i, a.F[(i+2)*3+j], b.F[j*15+i])
			}
		}
	}
}
