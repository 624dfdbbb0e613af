package metric

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

func TestMeanIoUByHand(t *testing.T) {
	truth := &dataset.Mask{Width: 4, Height: 2, Pix: []uint16{0, 0, 1, 1, 2, 2, dataset.Void, 0}}
	predicted := &dataset.Mask{Width: 4, Height: 2, Pix: []uint16{0, 1, 1, 0, 2, 2, 1, dataset.Void}}
	c := NewConfusion(3)
	if err := c.Add(predicted, truth); err != nil {
		t.Fatal(err)
	}
	// background: 2 both, union 0:{0,1,3,7} = 4 → 1/2; class 0: 1 of {1,2,3} = 1/3; class 1: 2 of 2; class 2
	// absent.
	for v, want := range []float64{0.5, 1.0 / 3, 1, math.NaN()} {
		if got := c.IoU(v); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("IoU of value %d is %v, want %v", v, got, want)
		}
	}
	if got, want := c.MeanIoU(true), (0.5+1.0/3+1)/3; math.Abs(got-want) > 1e-15 {
		t.Errorf("mean %v, want %v", got, want)
	}
	if got, want := c.MeanIoU(false), (1.0/3+1)/2; math.Abs(got-want) > 1e-15 {
		t.Errorf("mean without background %v, want %v", got, want)
	}
	if got := c.PixelAccuracy(); got != 5.0/7 {
		t.Errorf("pixel accuracy %v", got)
	}
	twice := NewConfusion(3)
	twice.Merge(c)
	twice.Merge(c)
	if twice.MeanIoU(true) != c.MeanIoU(true) {
		t.Error("counting an image twice changed its score")
	}
	if err := c.Add(predicted, dataset.NewMask(3, 2)); err == nil {
		t.Error("masks of different sizes were accepted")
	}
	if err := NewConfusion(1).Add(predicted, truth); err == nil {
		t.Error("a class beyond the table was accepted")
	}
}

func box(x0, y0, x1, y1 float64, class int) dataset.Box {
	return dataset.Box{X0: x0, Y0: y0, X1: x1, Y1: y1, Class: class}
}

func TestAveragePrecisionByHand(t *testing.T) {
	// One class, three boxes. Detections by score: hit at IoU 1, a miss, hit at IoU 0.6 (6 of 10 wide),
	// a second detection of the first box (miss). The third box is never found.
	images := []Found{
		{Truth: []dataset.Box{box(0, 0, 10, 10, 0), box(20, 0, 30, 10, 0)},
			Detections: []Detection{{box(20, 0, 26, 10, 0), 0.7}, {box(0, 0, 10, 10, 0), 0.9}, {box(0, 0, 10, 10, 0), 0.6}}},
		{Truth: []dataset.Box{box(0, 0, 5, 5, 0)}, Detections: []Detection{{box(50, 50, 60, 60, 0), 0.8}}},
	}
	s, err := NewDetectionScore(images, 2)
	if err != nil {
		t.Fatal(err)
	}
	got := s.All()
	// At 0.5–0.6: recall 1/3 at precision 1, 2/3 at precision 2/3. Recalls 0…0.33 (34 points) at 1,
	// 0.34…0.66 (33 points) at 2/3. From 0.65 on: only the first hit.
	at50, beyond := (34+33*2.0/3)/101, 34.0/101
	want := (3*at50 + 7*beyond) / 10
	if math.Abs(got.AP50-at50) > 1e-12 || math.Abs(got.AP75-beyond) > 1e-12 || math.Abs(got.AP-want) > 1e-12 {
		t.Errorf("%+v; want AP50 %v, AP75 %v, AP %v", got, at50, beyond, want)
	}
	if !math.IsNaN(got.PerClass[1]) {
		t.Errorf("a class without boxes scored %v", got.PerClass[1])
	}
	if one := s.On([]int{1}); one.AP != 0 {
		t.Errorf("the image without a hit scored %v", one.AP)
	}
}

func TestIgnoredBoxesCountNeitherWay(t *testing.T) {
	crowd := box(0, 0, 100, 100, 0)
	crowd.Ignore = true
	images := []Found{{Truth: []dataset.Box{crowd, box(200, 0, 210, 10, 0)},
		Detections: []Detection{{box(10, 10, 20, 20, 0), 0.9}, {box(30, 30, 40, 40, 0), 0.8}, {box(200, 0, 210, 10, 0), 0.7}}}}
	s, err := NewDetectionScore(images, 1)
	if err != nil || s.All().AP != 1 {
		t.Errorf("%+v, %v", s.All(), err)
	}
	if _, err := NewDetectionScore([]Found{{Detections: []Detection{{box(0, 0, 1, 1, 5), 1}}}}, 1); err == nil {
		t.Error("a class beyond the list was accepted")
	}
}
