package system

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// inspector knows the data's classes by other names, in another order, and one class more.
func inspector(t testing.TB, task head.Task) Reader {
	t.Helper()
	c, err := NewClasses([]string{"none", "scratch", "dent"}, []string{"background", "Kratzer", "dent", "rust"}, map[string]string{"Kratzer": "scratch"})
	if err != nil {
		t.Fatal(err)
	}
	return Reader{Task: task, Classes: c}
}

func TestClasses(t *testing.T) {
	r := inspector(t, head.Classification)
	if got := r.Classes.Labels(); !slices.Equal(got, []string{"none", "scratch", "dent", "rust"}) {
		t.Errorf("labels %q", got)
	}
	for _, bad := range []struct {
		own    []string
		rename map[string]string
	}{{[]string{"a", "a"}, nil}, {[]string{"a"}, map[string]string{"b": "none"}}, {nil, map[string]string{"b": "gone"}}} {
		if _, err := NewClasses([]string{"none"}, bad.own, bad.rename); err == nil {
			t.Errorf("classes %q with %v were accepted", bad.own, bad.rename)
		}
	}
}

func TestRead(t *testing.T) {
	box := func(x0, y0, x1, y1 float64, class int, score float64) metric.Detection {
		return metric.Detection{Box: dataset.Box{X0: x0, Y0: y0, X1: x1, Y1: y1, Class: class}, Score: score}
	}
	for _, c := range []struct {
		task   head.Task
		boxes  Boxes
		answer string
		want   head.Output
	}{
		{task: head.Classification, answer: `{"label": "Kratzer"}`, want: head.Output{Label: 1}},
		{task: head.Classification, answer: `{"label": 3, "more": [1]}`, want: head.Output{Label: 3}},
		{task: head.Classification, answer: `{"scores": [9, 1, 3, 2]}`, want: head.Output{Label: 2, Scores: []float32{0, 1, 3, 2}}},
		{task: head.Classification, answer: `{"scores": {"Kratzer": 0.75, "none": 0.25}}`, want: head.Output{Label: 1, Scores: []float32{0.25, 0.75, -0.75, -0.75}}},
		{task: head.Anomaly, answer: `{"anomaly": 0.5}`, want: head.Output{Anomaly: 0.5}},
		{task: head.Anomaly, answer: `{"anomaly": -2, "label": 1}`, want: head.Output{Anomaly: -2, Label: 1}},
		{task: head.Captioning, answer: `{"caption": "a dent"}`, want: head.Output{Label: -1, Text: "a dent"}},
		{task: head.VQA, answer: `{"answer": ""}`, want: head.Output{Label: -1}},
		{task: head.Retrieval, answer: `{"ranking": ["rust", "Kratzer", 1, "none"]}`, want: head.Output{Label: 3, Scores: []float32{0.25, 0.5, 0, 1}}},
		{task: head.Detection, answer: `{"boxes": []}`, want: head.Output{Label: -1}},
		{task: head.Detection, answer: `{"boxes": [{"box": [-2, 1, 3, 2], "label": "dent", "score": 0.25}, {"box": [0, 0, 1, 1], "label": "background", "score": 1}, {"box": [4, 0, 6, 4], "label": 1, "score": 0.5}]}`,
			want: head.Output{Label: -1, Detections: []metric.Detection{box(4, 0, 6, 4, 1, 0.5), box(0, 1, 3, 2, 2, 0.25)}}},
		{task: head.Detection, boxes: Boxes{Format: "cxcywh", Normalised: true, Least: 0.3}, answer: `{"boxes": [{"box": [0.5, 0.5, 0.25, 0.5], "label": "dent", "score": 0.3}, {"box": [0.5, 0.5, 0.25, 0.5], "label": "dent", "score": 0.2}]}`,
			want: head.Output{Label: -1, Detections: []metric.Detection{box(3, 1, 5, 3, 2, 0.3)}}},
		{task: head.Detection, boxes: Boxes{Format: "xywh", NMS: 0.5}, answer: `{"boxes": [{"box": [0, 0, 4, 4], "label": "dent", "score": 0.3}, {"box": [0, 0, 4, 3], "label": "dent", "score": 0.4}, {"box": [0, 0, 4, 3], "label": "rust", "score": 0.2}]}`,
			want: head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 4, 3, 2, 0.4), box(0, 0, 4, 3, 3, 0.2)}}},
	} {
		r := inspector(t, c.task)
		r.Boxes = c.boxes
		got, err := r.Read([]byte(c.answer), 8, 4)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s of %s: %+v, want %+v, %v", c.task, c.answer, got, c.want, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		task         head.Task
		answer, says string
	}{
		{head.Classification, `[1]`, "no JSON object"},
		{head.Classification, `{"label": "crack"}`, `class "crack" is none of none, scratch, dent, rust`},
		{head.Classification, `{"label": 9}`, "class number 9 of 4"},
		{head.Classification, `{"label": -1}`, "neither"},
		{head.Classification, `{"scores": [1, 2]}`, "2 scores for 4 classes"},
		{head.Classification, `{"scores": "high"}`, "neither numbers"},
		{head.Classification, `{}`, `no "scores"`},
		{head.Classification, `{"error": "lamp\noff"}`, "it answers: lamp off"},
		{head.Anomaly, `{"anomaly": null}`, `no "anomaly"`},
		{head.Anomaly, `{"anomaly": 1e999}`, "no JSON object"},
		{head.Detection, `{"boxes": [{"box": [1, 2, 3], "label": 0, "score": 1}]}`, "box 0"},
		{head.Detection, `{"boxes": [{"box": [1, 2, 3, 4], "label": 0}]}`, "box 0"},
		{head.Captioning, `{"answer": "x"}`, `no "caption"`},
		{head.Retrieval, `{"ranking": []}`, `no "ranking"`},
		{head.Segmentation, `{"mask": {"png": "AAAA", "label": "dent"}}`, "mask 0: png: not a PNG"},
		{head.Segmentation, `{"mask": {"png": "` + maskPNG(t, 3, 4, nil) + `", "label": "dent"}}`, "3×4 pixels for an image of 8×4"},
		{head.Segmentation, `{"mask": {"png": "` + maskPNG(t, 8, 4, map[int]uint8{3: 9}) + `"}}`, "pixel value 9"},
		{head.Segmentation, `{"mask": {"size": [4, 8], "counts": [5], "label": "dent"}}`, "add up to 5"},
		{head.Segmentation, `{"mask": {"size": [4, 8], "counts": [32]}}`, `no "label"`},
		{head.Segmentation, `{"mask": null}`, `no "mask"`},
	} {
		if _, err := inspector(t, c.task).Read([]byte(c.answer), 8, 4); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s of %s: %v, want %q", c.task, c.answer, err, c.says)
		}
	}
}

// maskPNG is a grey PNG in base64 with some pixels set.
func maskPNG(t testing.TB, w, h int, set map[int]uint8) string {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range set {
		p.SetGray(i%w, i/w, color.Gray{Y: v})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestMasks writes one mask in three ways: pixels 1, 9 (of scratch) and 30 (of dent) of 8×4, counted by rows.
func TestMasks(t *testing.T) {
	scratch := fmt.Sprintf(`{"png": %q, "label": "Kratzer"}`, maskPNG(t, 8, 4, map[int]uint8{1: 255, 9: 128, 2: 127}))
	// Down the columns pixel (x, y) is number 4x+y: 4 and 5 for scratch, 27 for dent.
	for _, answer := range []string{
		`{"mask": [` + scratch + `, {"size": [4, 8], "counts": [27, 1, 4], "label": "dent"}]}`,
		`{"mask": [{"size": [4, 8], "counts": "42j0", "label": 1}, {"size": [4, 8], "counts": [27, 1, 4], "label": 2}]}`,
		fmt.Sprintf(`{"mask": {"png": %q}}`, maskPNG(t, 8, 4, map[int]uint8{1: 2, 9: 2, 30: 3, 0: 1})),
	} {
		got, err := inspector(t, head.Segmentation).Read([]byte(answer), 8, 4)
		if err != nil {
			t.Errorf("%s: %v", answer, err)
			continue
		}
		for i, v := range got.Mask.Pix {
			want := map[int]uint16{1: 2, 9: 2, 30: 3}[i]
			if v != want {
				t.Errorf("%s: pixel %d is %d, want %d", answer, i, v, want)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"scores":[1,2,3,4]}`, `{"mask":{"size":[4,8],"counts":"42j0","label":1}}`, `{"boxes":[{"box":[1,2,3,4],"label":1,"score":1e300}]}`} {
		f.Add([]byte(s))
	}
	tasks := []head.Task{head.Classification, head.Anomaly, head.Segmentation, head.Detection, head.Captioning, head.VQA, head.Retrieval}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, task := range tasks {
			out, err := inspector(t, task).Read(raw, 8, 4)
			if err == nil && task == head.Segmentation && (out.Mask.Width != 8 || out.Mask.Height != 4) {
				t.Errorf("a mask of %d×%d", out.Mask.Width, out.Mask.Height)
			}
		}
	})
}
