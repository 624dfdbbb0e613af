package head

import (
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Which cells count as neighbours, as steps down and right.
var (
	touching = [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}
	bridged  = square(2) // over gaps of one cell
)

// square holds all steps to cells at most reach away, down and right.
func square(reach int) [][2]int {
	var out [][2]int
	for y := -reach; y <= reach; y++ {
		for x := -reach; x <= reach; x++ {
			out = append(out, [2]int{y, x})
		}
	}
	return out
}

// regions joins neighbouring cells of one class (value ≥ 1) into boxes scored by the mean of their scores.
func (p placed) regions(value []int, score []float64, neighbours [][2]int) []metric.Detection {
	seen := make([]bool, len(value))
	var found []metric.Detection
	for k := range value {
		if seen[k] || value[k] < 1 {
			continue
		}
		seen[k] = true
		group, sum := []int{k}, 0.0
		b := dataset.Box{X0: 1 << 20, Y0: 1 << 20, Class: value[k] - 1}
		for i := 0; i < len(group); i++ {
			r, c := group[i]/p.Cols, group[i]%p.Cols
			x0, y0, x1, y1 := p.cell(r, c)
			b.X0, b.Y0, b.X1, b.Y1 = min(b.X0, x0), min(b.Y0, y0), max(b.X1, x1), max(b.Y1, y1)
			sum += score[group[i]]
			for _, d := range neighbours {
				y, x := r+d[0], c+d[1]
				if n := y*p.Cols + x; y >= 0 && y < p.Rows && x >= 0 && x < p.Cols && !seen[n] && value[n] == value[k] {
					seen[n] = true
					group = append(group, n)
				}
			}
		}
		if b = b.Clip(float64(p.width), float64(p.height)); b.Area() > 0 {
			found = append(found, metric.Detection{Box: b, Score: sum / float64(len(group))})
		}
	}
	return found
}
