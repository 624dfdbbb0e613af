package head

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// The suite must make at least 20 heads of all tasks on the drawn data, with unique names, and each must answer
// and be stored.
func TestSuiteCoversAllTasks(t *testing.T) {
	train, test := data(t)
	text := &SuiteText{Scale: 20}
	for k := range surfaces.Defects { // stand-ins: the classes' first images
		text.Classes = append(text.Classes, train[k].Acts[encoder.Embedding].Data)
	}
	s := Suite{Prefix: "fixture/", Spec: fixtureSpec, Classes: surfaces.Defects, Good: "none", Text: text, Seed: 1, Effort: 0.1}
	small := train[:140]
	for i := range small { // the fixture has two layers only, of which one stands for all inner ones
		for _, tap := range s.Taps() {
			if _, ok := small[i].Acts[tap]; !ok {
				t.Fatalf("no tap %s", tap)
			}
		}
	}
	heads, errs := s.Build(small)
	for _, err := range errs {
		t.Error(err)
	}
	names, tasks := map[string]bool{}, map[Task]int{}
	for _, h := range heads {
		if names[h.Name()] {
			t.Errorf("two heads are named %s", h.Name())
		}
		names[h.Name()] = true
		tasks[h.Task()]++
		checkStored(t, h, withQuestion(test[:2]))
		checkDecisions(t, h, withQuestion(test[:2])[1])
	}
	if len(heads) < 20 || len(tasks) != 7 {
		t.Errorf("%d heads of tasks %v", len(heads), tasks)
	}
}

// withQuestion keeps the one question that every VQA head knows.
func withQuestion(feats []Features) []Features {
	var out []Features
	for _, f := range feats {
		s := *f.Sample
		s.QA = s.QA[1:2]
		out = append(out, Features{f.Acts, &s})
	}
	return out
}

// Scores of the suite on a real encoder and data, for the log: PLUMBLINE_SUITE is surfaces, neu-det or
// magnetic-tile.
func TestSuiteOnInspectTiny(t *testing.T) {
	which := os.Getenv("PLUMBLINE_SUITE")
	if which == "" {
		t.Skip("PLUMBLINE_SUITE is not set")
	}
	root := shared(t)
	m, zs := inspectTiny(t, root)
	s := Suite{Spec: m.Spec(), Seed: 1}
	var trainData, testData *dataset.Dataset
	switch which {
	case "surfaces":
		trainData, testData = drawn(t, 1, 700), drawn(t, 2, 210)
		s.Good = "none"
	case "neu-det":
		d, err := dataset.NEUDET(filepath.Join(root, "data", which))
		if err != nil {
			t.Fatal(err)
		}
		d = d.Describe("hot-rolled steel", "")
		trainData, testData = d.Numbered(1, 100), d.Numbered(241, 260)
		s.Text, s.Noun = &SuiteText{Classes: zs.dirs[:6], Scale: zs.cfg.Scale}, "hot-rolled steel"
	case "magnetic-tile":
		d, err := dataset.MagneticTile(filepath.Join(root, "data", which))
		if err != nil {
			t.Fatal(err)
		}
		s.Good, s.Noun = "MT_Free", "magnetic tile"
		testData, trainData = d.Describe("magnetic tile", s.Good).EveryNth(5)
		// Blowhole, Break, Crack, Fray, Free, Uneven against the prompts' order free, blowhole, break, crack,
		// fray, uneven.
		order := []int{7, 8, 9, 10, 6, 11}
		s.Text = &SuiteText{Scale: zs.cfg.Scale}
		for _, k := range order {
			s.Text.Classes = append(s.Text.Classes, zs.dirs[k])
		}
	}
	s.Classes = trainData.Classes
	start := time.Now()
	train, test := features(t, m, trainData, s.Taps()...), features(t, m, testData, s.Taps()...)
	t.Logf("features of %d images: %.1f s", len(train)+len(test), time.Since(start).Seconds())
	start = time.Now()
	heads, errs := s.Build(train)
	t.Logf("%d heads: %.1f s, errors %v", len(heads), time.Since(start).Seconds(), errs)
	for _, h := range heads {
		start = time.Now()
		value := scoreOf(t, h, s, test)
		t.Logf("%-24s %-15s %s (%.2f ms an image)", h.Name(), h.Task(), value, time.Since(start).Seconds()*1000/float64(len(test)))
	}
}

func drawn(t *testing.T, seed uint64, n int) *dataset.Dataset {
	t.Helper()
	d, err := surfaces.New(surfaces.Config{Seed: seed, N: n})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func scoreOf(t *testing.T, h Head, s Suite, test []Features) string {
	switch h.Task() {
	case Classification, Retrieval:
		return fmt.Sprintf("accuracy %.3f", accuracy(t, h, test))
	case Anomaly:
		var scores []float64
		var positive []bool
		for _, f := range test {
			scores, positive = append(scores, predict(t, h, f).Anomaly), append(positive, s.Classes[f.Sample.Label] != s.Good)
		}
		a, err := metric.AUROC(scores, positive)
		return fmt.Sprintf("AUROC %.3f %v", a, err)
	case Segmentation:
		c := metric.NewConfusion(len(s.Classes))
		for _, f := range test {
			if f.Sample.Mask == nil {
				continue
			}
			if err := c.Add(predict(t, h, f).Mask, f.Sample.Mask); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprintf("mIoU %.3f, defect IoU %.3f", c.MeanIoU(true), defectIoU(t, h, test))
	case Detection:
		ap := averagePrecision(t, h, test, len(s.Classes))
		return fmt.Sprintf("AP50 %.3f, AP %.3f", ap.AP50, ap.AP)
	case Captioning:
		got, constant := cider(t, h, test)
		return fmt.Sprintf("CIDEr-D %.2f (constant %.2f)", got, constant)
	default:
		got, constant := vqa(t, h, test, test)
		return fmt.Sprintf("accuracy %.3f (constant %.3f)", got, constant)
	}
}
