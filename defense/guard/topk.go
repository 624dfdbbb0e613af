package guard

import (
	"slices"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// TopK keeps the K largest scores (of equal ones the first) and sets all others to 0, or to one below the smallest kept
// score if that is not positive, so that they tell nothing but that they are not among the K.
type TopK struct {
	K int // 1…1000000
}

var _ = register("topk", "topk(k=1): show only the k largest scores", func(a *expr.Args) (Guard, error) {
	g := TopK{a.Integer("k", 1)}
	return g, expr.Outside("topk", "k", float64(g.K), 1, 1e6)
})

func (g TopK) String() string { return expr.Print("topk", g.K) }

// Apply implements [Guard].
func (g TopK) Apply(row []float64, _ uint64) {
	if g.K >= len(row) {
		return
	}
	order := make([]int, len(row))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case row[a] > row[b]:
			return -1
		case row[a] < row[b]:
			return 1
		}
		return 0
	})
	hidden := 0.0
	if least := row[order[g.K-1]]; least <= 0 {
		hidden = least - 1
	}
	for _, i := range order[g.K:] {
		row[i] = hidden
	}
}
