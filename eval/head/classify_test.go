package head

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

var quick = Training{Epochs: 40, Seed: 1}

func embedding() Source { return EmbeddingSource(fixtureSpec) }

// Every classifier must tell surfaces apart far better than chance (0.2), the trained ones defects too (chance
// 0.14).
func TestClassifiers(t *testing.T) {
	train, test := data(t)
	surfaceTrain, surfaceTest := bySurface(train), bySurface(test)
	linear, err := TrainProbe("linear", embedding(), surfaceTrain, 5, nil, quick)
	if err != nil {
		t.Fatal(err)
	}
	mlp, err := TrainProbe("mlp", TokenSource(fixtureSpec, encoder.Tokens), surfaceTrain, 5, []int{32}, quick)
	if err != nil {
		t.Fatal(err)
	}
	knn, err := NewKNN("knn", embedding(), surfaceTrain, 5, 10)
	if err != nil {
		t.Fatal(err)
	}
	prototypes, err := NewPrototypes("prototypes", embedding(), surfaceTrain, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{linear, mlp, knn, prototypes} {
		if a := accuracy(t, h, surfaceTest); a < 0.75 {
			t.Errorf("%s: accuracy %.2f on surfaces", h.Name(), a)
		} else {
			t.Logf("%s: %.3f", h.Name(), a)
		}
		checkStored(t, h, test)
		if d, ok := h.(Differentiable); ok {
			in, _ := test[3].Input(h.Taps())
			checkVJP(t, d, in, 2e-2)
		}
	}
	defects, err := TrainProbe("defects", embedding(), train, 7, []int{48}, quick)
	if err != nil {
		t.Fatal(err)
	}
	if a := accuracy(t, defects, test); a < 0.35 {
		t.Errorf("accuracy %.2f on defects", a)
	}
}

func TestVotesByHand(t *testing.T) {
	near := []neighbour{{0, 1}, {1, 1}, {2, 1 - 0.07}}
	got := votes(near, []int{1, 0, 1}, 3)
	e := math.Exp(-1)
	for k, want := range []float64{1 / (2 + e), (1 + e) / (2 + e), 0} {
		if math.Abs(float64(got[k])-want) > 1e-6 {
			t.Errorf("class %d: %v, want %v", k, got[k], want)
		}
	}
}

func TestAnomaly(t *testing.T) {
	train, test := data(t)
	good := clean(train)
	memory, err := NewMemory("memory", NewLayout(fixtureSpec), []encoder.Tap{encoder.Block(0), encoder.Tokens}, good, 0.05, 1)
	if err != nil {
		t.Fatal(err)
	}
	gauss, err := NewMahalanobis("gauss", embedding(), good)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{memory, gauss} {
		var scores []float64
		var positive []bool
		for _, f := range test {
			scores = append(scores, predict(t, h, f).Anomaly)
			positive = append(positive, f.Sample.Label != 0)
		}
		a, err := metric.AUROC(scores, positive)
		if err != nil || a < 0.6 {
			t.Errorf("%s: AUROC %.3f, %v", h.Name(), a, err)
		}
		t.Logf("%s: AUROC %.3f", h.Name(), a)
		checkStored(t, h, test)
		in, _ := test[8].Input(h.Taps())
		checkVJP(t, h.(Differentiable), in, 2e-2)
	}
	held := clean(fixture(t, 300, 70))
	set, err := memory.Calibrate(held, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	flagged := 0
	for _, f := range held {
		flagged += predict(t, set, f).Label
	}
	if flagged != 1 { // one tenth of ten
		t.Errorf("%d of %d images are above the threshold for 10 %%", flagged, len(held))
	}
	checkStored(t, set, test)
}

// Every row lies near a chosen one: no farther than the chosen lie from one another.
func TestCoresetCovers(t *testing.T) {
	rows := [][]float32{{0, 0}, {0.1, 0}, {5, 5}, {5, 5.1}, {9, 0}, {0, 0.1}}
	got := coreset(rows, 3, 1)
	if len(got) != 3 {
		t.Fatalf("chose %v", got)
	}
	for i, r := range rows {
		best := math.Inf(1)
		for _, c := range got {
			best = min(best, squared(r, rows[c]))
		}
		if best > 0.03 {
			t.Errorf("row %d is far from all of %v", i, got)
		}
	}
	if got := coreset([][]float32{{1}, {1}, {1}}, 3, 1); len(got) != 1 {
		t.Errorf("equal rows: chose %v", got)
	}
}

// On data with a known covariance the distance is known: independent axes of standard deviation 1 and 3.
func TestMahalanobisOnAKnownGaussian(t *testing.T) {
	var feats []Features
	for i := range 400 {
		a := 2 * math.Pi * float64(i) / 400 // a circle has variance 1/2 along each axis
		x := []float32{float32(math.Sqrt2 * math.Cos(a)), float32(3 * math.Sqrt2 * math.Sin(a))}
		feats = append(feats, Features{Acts: map[encoder.Tap]Activation{encoder.Embedding: Vector(x)}, Sample: train0(t)})
	}
	m, err := NewMahalanobis("m", Source{Tap: encoder.Embedding, Width: 2}, feats)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ x, y, want float64 }{{2, 0, 2}, {0, 3, 1}, {1, 3, math.Sqrt2}} {
		out, err := m.Predict(Input{Acts: []Activation{Vector([]float32{float32(c.x), float32(c.y)})}})
		if err != nil || math.Abs(out.Anomaly-c.want) > 0.02*c.want {
			t.Errorf("distance of (%v,%v) is %v, want %v (shrinkage %v)", c.x, c.y, out.Anomaly, c.want, m.cfg.Shrinkage)
		}
	}
}

func train0(t *testing.T) *dataset.Sample {
	train, _ := data(t)
	return train[0].Sample
}
