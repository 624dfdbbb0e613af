package alarm_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/alarm"
)

const side = 12

// waves returns n images of three classes.
func waves(n int, seed uint64) (images []*tensor.Dense, labels []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		pix := make([]float32, 3*side*side)
		for k := range pix {
			x, y := k%side, k/side%side
			wave := [3]float64{0, math.Sin(float64(y) * 1.1), math.Sin(float64(x) * 1.1)}[i%3]
			pix[k] = float32(math.Round(128+60*wave+10*rng.Float64()) / 255)
		}
		images, labels = append(images, tensor.New(tensor.WithShape(3, side, side), tensor.WithBacking(pix))), append(labels, i%3)
	}
	return images, labels
}

// nearest is a system that answers with the class of the nearest mean embedding.
func nearest(t *testing.T, enc encoder.Encoder) func(context.Context, []*tensor.Dense) ([]int, error) {
	t.Helper()
	embed := func(ctx context.Context, images []*tensor.Dense) ([][]float32, error) {
		acts, err := encoder.Activations(ctx, enc, images, encoder.Embedding)
		if err != nil {
			return nil, err
		}
		w := acts[0].Shape()[1]
		var out [][]float32
		for i := range images {
			out = append(out, acts[0].Float32s()[i*w:(i+1)*w])
		}
		return out, nil
	}
	images, labels := waves(30, 100)
	rows, err := embed(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	means := make([][]float64, 3)
	for i, r := range rows {
		for k, v := range r {
			if means[labels[i]] == nil {
				means[labels[i]] = make([]float64, len(r))
			}
			means[labels[i]][k] += float64(v) / 10
		}
	}
	return func(ctx context.Context, images []*tensor.Dense) ([]int, error) {
		rows, err := embed(ctx, images)
		if err != nil {
			return nil, err
		}
		out := make([]int, len(rows))
		for i, r := range rows {
			best := math.Inf(1)
			for c, m := range means {
				d := 0.0
				for k, v := range r {
					d += (float64(v) - m[k]) * (float64(v) - m[k])
				}
				if d < best {
					best, out[i] = d, c
				}
			}
		}
		return out, nil
	}
}

func config(t *testing.T, expressions ...string) alarm.Config {
	t.Helper()
	enc := attacktest.NewViT(3, side, side, 4, 8, 2, 16)
	built, _ := waves(30, 1)
	c := alarm.Config{Encoder: enc, Classify: nearest(t, enc), Objective: attack.PRM{}, Threat: attack.Linf(attack.NewRatio(24, 255)), Steps: 12, Seed: 3}
	c.Calibrate, _ = waves(40, 2)
	c.Images, c.Labels = waves(24, 3)
	for _, text := range expressions {
		d, err := detect.Parse(t.Context(), text, detect.Resources{Encoder: enc, Clean: built, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		c.Detectors = append(c.Detectors, d)
	}
	return c
}

// A detector that finds an attack which knows nothing of it loses against one that does.
func TestAwareAttackAvoidsADetector(t *testing.T) {
	rows, err := alarm.Measure(t.Context(), config(t, "token-knn(memory=200)", "mahalanobis(last)"))
	if err != nil {
		t.Fatal(err)
	}
	if knn := rows[0]; knn.Aware.Unnoticed.K < knn.Plain.Unnoticed.K+3 {
		t.Errorf("%s: %v unnoticed under the aware attack, %v under the plain one", knn.Detector, knn.Aware.Unnoticed, knn.Plain.Unnoticed)
	}
	for _, r := range rows {
		if r.Clean.AUROC.Value != 0.5 || r.Clean.AtFPR5.K > 6 {
			t.Errorf("%s: clean pictures %+v", r.Detector, r.Clean)
		}
		if r.Plain.AUROC.Value < 0.9 || r.Plain.Wrong.K < 12 {
			t.Errorf("%s: plain attack %+v", r.Detector, r.Plain)
		}
		if r.Aware.AUROC.Value > r.Plain.AUROC.Value-0.05 || r.Aware.AtFPR5.K >= r.Plain.AtFPR5.K {
			t.Errorf("%s: aware attack %+v, plain %+v", r.Detector, r.Aware, r.Plain)
		}
		for _, o := range []alarm.Outcome{r.Clean, r.Plain, r.Aware} {
			if o.AtFPR1.K > o.AtFPR5.K || o.Unnoticed.K > o.Wrong.K || o.AtFPR1.N != 24 || o.AUROC.Lo > o.AUROC.Value || o.AUROC.Hi < o.AUROC.Value {
				t.Errorf("%s: %+v does not hold together", r.Detector, o)
			}
		}
	}
}

func TestMeasuringTwiceGivesTheSame(t *testing.T) {
	c := config(t, "noise-drift")
	c.Steps, c.Weights, c.Workers = 3, []float64{1}, 1
	first, err := alarm.Measure(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Workers = 2
	again, err := alarm.Measure(t.Context(), c)
	if err != nil || first[0] != again[0] {
		t.Errorf("%+v, then %+v (error %v)", first, again, err)
	}
}

func TestIncompleteConfigurations(t *testing.T) {
	for names, change := range map[string]func(*alarm.Config){
		"detector": func(c *alarm.Config) { c.Detectors = nil },
		"labels":   func(c *alarm.Config) { c.Labels = c.Labels[1:] },
		"clean":    func(c *alarm.Config) { c.Calibrate = c.Calibrate[:1] },
		"steps":    func(c *alarm.Config) { c.Steps = 0 },
		"required": func(c *alarm.Config) { c.Objective = nil },
	} {
		c := config(t, "noise-drift")
		change(&c)
		if _, err := alarm.Measure(t.Context(), c); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v", names, err)
		}
	}
}
