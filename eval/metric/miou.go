package metric

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Confusion counts pixels by true (row) and predicted (column) value: 0 is background, k is class k−1.
// Counts of several images add up, so that whole images can be resampled.
type Confusion struct {
	Classes int     // without background
	Count   []int64 // (Classes+1)², row-major
}

// NewConfusion returns an empty table for the given number of classes.
func NewConfusion(classes int) *Confusion {
	return &Confusion{Classes: classes, Count: make([]int64, (classes+1)*(classes+1))}
}

// Add counts one image. Pixels that are Void in truth are left out; a prediction of Void counts as
// background.
func (c *Confusion) Add(predicted, truth *dataset.Mask) error {
	if predicted.Width != truth.Width || predicted.Height != truth.Height {
		return fmt.Errorf("metric: mask of %d×%d for one of %d×%d", predicted.Width, predicted.Height, truth.Width, truth.Height)
	}
	for i, want := range truth.Pix {
		if want == dataset.Void {
			continue
		}
		got := predicted.Pix[i]
		if got == dataset.Void {
			got = dataset.Background
		}
		if int(want) > c.Classes || int(got) > c.Classes {
			return fmt.Errorf("metric: pixel %d has class %d and prediction %d, but there are %d classes", i, want, got, c.Classes)
		}
		c.Count[int(want)*(c.Classes+1)+int(got)]++
	}
	return nil
}

// Merge adds the counts of another table of the same classes.
func (c *Confusion) Merge(other *Confusion) {
	for i, n := range other.Count {
		c.Count[i] += n
	}
}

// IoU is the intersection over union of a value (0 background, k class k−1), NaN if it occurs neither in
// truth nor in prediction.
func (c *Confusion) IoU(value int) float64 {
	n := c.Classes + 1
	both := c.Count[value*n+value]
	union := -both
	for i := range n {
		union += c.Count[value*n+i] + c.Count[i*n+value]
	}
	if union == 0 {
		return math.NaN()
	}
	return float64(both) / float64(union)
}

// MeanIoU is the mean of [Confusion.IoU] over the values that occur, with or without background; NaN if none
// occurs.
func (c *Confusion) MeanIoU(background bool) float64 {
	first := 1
	if background {
		first = 0
	}
	var sum float64
	n := 0
	for v := first; v <= c.Classes; v++ {
		if iou := c.IoU(v); !math.IsNaN(iou) {
			sum += iou
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// PixelAccuracy is the share of pixels predicted right, NaN for none.
func (c *Confusion) PixelAccuracy() float64 {
	var right, all int64
	for i, n := range c.Count {
		all += n
		if i%(c.Classes+2) == 0 {
			right += n
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return float64(right) / float64(all)
}
