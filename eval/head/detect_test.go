package head

import (
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// oneClass gives every box the class 0: "a defect".
func oneClass(feats []Features) []Features {
	out := make([]Features, len(feats))
	for i, f := range feats {
		s := *f.Sample
		s.Boxes = append([]dataset.Box(nil), s.Boxes...)
		for k := range s.Boxes {
			s.Boxes[k].Class = 0
		}
		out[i] = Features{Acts: f.Acts, Sample: &s}
	}
	return out
}

func averagePrecision(t *testing.T, h Head, test []Features, classes int) metric.AP {
	t.Helper()
	var images []metric.Found
	for _, f := range test {
		images = append(images, metric.Found{Detections: predict(t, h, f).Detections, Truth: f.Sample.Boxes})
	}
	s, err := metric.NewDetectionScore(images, classes)
	if err != nil {
		t.Fatal(err)
	}
	return s.All()
}

func TestDetectors(t *testing.T) {
	train, test := data(t)
	train, test = oneClass(train), oneClass(test)
	layout := NewLayout(fixtureSpec)
	boxes, err := TrainBoxHead("boxes", layout, []encoder.Tap{encoder.Block(0), encoder.Tokens}, train, 1, []int{48}, Training{Epochs: 8, Batch: 256, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	proto, err := NewPrototypeBoxes("proto", layout, []encoder.Tap{encoder.Block(0)}, train, 1)
	if err != nil {
		t.Fatal(err)
	}
	random := randomBoxes(test)
	for _, h := range []Head{boxes, proto} {
		ap := averagePrecision(t, h, test, 1)
		if ap.AP50 < 3*random {
			t.Errorf("%s: AP50 %.4f, random boxes %.4f", h.Name(), ap.AP50, random)
		}
		t.Logf("%s: AP50 %.3f AP %.3f (random %.4f)", h.Name(), ap.AP50, ap.AP, random)
		checkStored(t, h, test)
	}
	in, _ := test[4].Input(boxes.Taps())
	checkVJP(t, boxes, in, 2e-2)
}

// With tokens that hold the answer, training must find the linear map to it: nearly every box at nearly full
// overlap.
func TestBoxHeadLearnsAnOracle(t *testing.T) {
	train, _ := data(t)
	layout := NewLayout(fixtureSpec)
	var feats []Features
	for _, f := range train[:210] {
		p, err := layout.over("t", 64, 64)
		if err != nil {
			t.Fatal(err)
		}
		owner, _ := p.owners(f.Sample.Boxes)
		a := Matrix(65, 11, make([]float32, 65*11))
		for k, o := range owner {
			if o >= 0 {
				a.Row(k + 1)[f.Sample.Boxes[o].Class] = 1
				copy(a.Row(k + 1)[7:], p.distances(k, f.Sample.Boxes[o]))
			}
		}
		feats = append(feats, Features{Sample: f.Sample, Acts: map[encoder.Tap]Activation{encoder.Tokens: a}})
	}
	h, err := TrainBoxHead("oracle", layout, []encoder.Tap{encoder.Tokens}, feats, 7, nil, Training{Epochs: 30, Batch: 256, Rate: 0.02, Decay: 1e-6, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ap := averagePrecision(t, h, feats, 7)
	if ap.AP50 < 0.9 || ap.AP < 0.8 {
		t.Errorf("AP50 %.3f, AP %.3f", ap.AP50, ap.AP)
	}
	t.Logf("AP50 %.3f, AP %.3f", ap.AP50, ap.AP)
}

// randomBoxes is the AP50 of ten random boxes an image.
func randomBoxes(test []Features) float64 {
	rng := rand.New(rand.NewPCG(1, 1))
	var images []metric.Found
	for _, f := range test {
		im := metric.Found{Truth: f.Sample.Boxes}
		for range 10 {
			x, y := 50*rng.Float64(), 50*rng.Float64()
			im.Detections = append(im.Detections, metric.Detection{Box: dataset.Box{X0: x, Y0: y, X1: x + 5 + 20*rng.Float64(), Y1: y + 5 + 20*rng.Float64()}, Score: rng.Float64()})
		}
		images = append(images, im)
	}
	s, err := metric.NewDetectionScore(images, 1)
	if err != nil {
		return 1
	}
	return s.All().AP50
}

// Distances and boxes are inverse, whatever the preprocessing.
func TestBoxCoding(t *testing.T) {
	layout := Layout{Rows: 4, Cols: 4, Preproc: encoder.CLIPPreprocess(32)}
	p, err := layout.over("t", 100, 60)
	if err != nil {
		t.Fatal(err)
	}
	b := dataset.Box{X0: 30, Y0: 10, X1: 55, Y1: 44}
	owner, _ := p.owners([]dataset.Box{b})
	n := 0
	for k, o := range owner {
		if o != 0 {
			continue
		}
		n++
		got := p.boxAt(k, p.distances(k, b))
		if dataset.IoU(got, b) < 0.9999 {
			t.Errorf("patch %d: %v", k, got)
		}
	}
	// The grid covers columns 20 to 80 of the source in patches of 15 pixels: of the centres 27.5, 42.5, … only
	// 42.5 lies in the box, of those of the rows 22.5 and 37.5.
	if n != 2 {
		t.Errorf("%d patches own the box", n)
	}
	tiny := dataset.Box{X0: 21, Y0: 1, X1: 23, Y1: 3}
	owner, _ = p.owners([]dataset.Box{tiny})
	if owner[0] != 0 {
		t.Errorf("a box without a patch centre is owned by %v", owner)
	}
}

func TestSuppression(t *testing.T) {
	d := func(x float64, class int, score float64) metric.Detection {
		return metric.Detection{Box: dataset.Box{X0: x, Y0: 0, X1: x + 10, Y1: 10, Class: class}, Score: score}
	}
	got := Suppress([]metric.Detection{d(0, 0, 0.5), d(1, 0, 0.9), d(1, 1, 0.4), d(8, 0, 0.3)}, 0.5)
	if len(got) != 3 || got[0].Score != 0.9 || got[1].Score != 0.4 || got[2].Score != 0.3 {
		t.Errorf("%v", got)
	}
}

// Components of a known grid.
func TestComponents(t *testing.T) {
	layout := Layout{Rows: 3, Cols: 3, Preproc: encoder.CLIPPreprocess(30)}
	p, err := layout.over("t", 30, 30)
	if err != nil {
		t.Fatal(err)
	}
	got := p.regions([]int{1, 1, 0, 0, 1, 2, 1, 0, 2}, []float64{0.1, 0.2, 0, 0, 0.3, 0.5, 0.05, 0, 0.7}, touching)
	if len(got) != 3 {
		t.Fatalf("%v", got)
	}
	want := dataset.Box{X0: 0, Y0: 0, X1: 20, Y1: 20, Class: 0}
	if got[0].Box != want || got[0].Score < 0.1999 || got[0].Score > 0.2001 {
		t.Errorf("%v", got[0])
	}
	if want := (dataset.Box{X0: 20, Y0: 10, X1: 30, Y1: 30, Class: 1}); got[1].Box != want {
		t.Errorf("%v", got[1])
	}
}

// With a perfect projection, a square of patches made from a text direction is found and boxed.
func TestRegionZeroShot(t *testing.T) {
	layout := NewLayout(fixtureSpec)
	identity := make([]float32, 16)
	for i := range 4 {
		identity[5*i] = 1
	}
	proj := &Projection{Tap: encoder.Tokens, Width: 4, Embed: 4, matrix: dense{identity, make([]float32, 4)}}
	bg, dent := []float32{1, -1, 0, 0}, []float32{0, 0, 1, -1}
	a := Matrix(65, 4, make([]float32, 65*4))
	for k := range 65 {
		copy(a.Row(k), bg)
	}
	for _, k := range []int{18, 19, 26, 27} { // patches (2,2) to (3,3), after the class token
		copy(a.Row(1+k), dent)
	}
	d, err := NewDenseZeroShot("regions", layout, proj, [][]float32{bg, dent}, []int{0, 1}, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	h := NewRegions(d)
	f := Features{Sample: &dataset.Sample{ID: "x", Width: 128, Height: 128}, Acts: map[encoder.Tap]Activation{encoder.Tokens: a}}
	out := predict(t, h, f)
	want := dataset.Box{X0: 32, Y0: 32, X1: 64, Y1: 64}
	if len(out.Detections) == 0 || out.Detections[0].Score < 0.99 || out.Detections[0].Box != want {
		t.Errorf("%v", out.Detections)
	}
	checkStored(t, h, []Features{f})
}
