package attack

import (
	"fmt"
	"math"
	"sort"

	"gorgonia.org/tensor"
)

// quantizeOther rounds for norms that add up over values: to the nearest level first, and then, as far as
// needed, the values whose rounding moved them away from the clean image back to the level before,
// cheapest first. Values that adv leaves alone stay.
func quantizeOther(q, x, a []float32, tm ThreatModel, n int, clean *tensor.Dense) error {
	ball, err := tm.Ball(n, clean)
	if err != nil {
		return err
	}
	type back struct {
		i    int
		to   float32
		cost float64 // how much farther from adv
	}
	var away []back
	for i := range x {
		k := int(math.RoundToEven(float64(a[i]) * 255))
		s, onGrid := level(x[i])
		if a[i] == x[i] && onGrid {
			k = s
		}
		q[i] = fromLevel(k)
		outward := math.Abs(float64(q[i])-float64(x[i])) - math.Abs(float64(a[i])-float64(x[i]))
		if toward := k + sign(float64(x[i])*255-float64(k)); outward > 0 && toward != k {
			to := fromLevel(toward)
			away = append(away, back{i, to, math.Abs(float64(to)-float64(a[i])) - math.Abs(float64(q[i])-float64(a[i]))})
		}
	}
	if ball.Contains(q) {
		return nil
	}
	sort.SliceStable(away, func(i, j int) bool { return away[i].cost < away[j].cost })
	kept := append([]float32(nil), q...)
	turn := func(m int) bool { // turn the first m back
		copy(q, kept)
		for _, b := range away[:m] {
			q[b.i] = b.to
		}
		return ball.Contains(q)
	}
	m := sort.Search(len(away), turn)
	if !turn(m) {
		return fmt.Errorf("attack: the image cannot be rounded to 8 bits inside %s (size %g): the clean image lies between the levels", tm, ball.Size(q))
	}
	return nil
}

func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}
