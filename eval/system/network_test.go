package system

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// output is one output of a test network: its values where the picture's mean level is m are bias + m·slope.
type output struct {
	name        string
	shape       []int64
	bias, slope []float32
	integers    bool
}

// network is a model of 2×4 pixels whose outputs are affine in the mean level of red, shown without any change but
// a stretch to that size.
func network(t testing.TB, outputs ...output) *encoder.Model {
	t.Helper()
	m := onnx.NewModel("system", 17)
	m.Graph.AddInput("pixels", onnx.Float32, onnx.Dim{Value: 1}, onnx.Dim{Value: 3}, onnx.Dim{Value: 2}, onnx.Dim{Value: 4})
	add := func(name string, kind onnx.DType, values any, dims ...int) {
		raw, err := binary.Append(nil, binary.LittleEndian, values)
		if err != nil {
			t.Fatal(err)
		}
		x, err := onnx.NewTensor(name, kind, dims, raw)
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.AddInitializer(x)
	}
	red := make([]float32, 24)
	for i := range 8 {
		red[i] = 1. / 8
	}
	add("red", onnx.Float32, red, 24, 1)
	m.Graph.AddNode("Flatten", []string{"pixels"}, []string{"flat"})
	m.Graph.AddNode("MatMul", []string{"flat", "red"}, []string{"level"})
	for _, o := range outputs {
		n := 1
		for _, d := range o.shape {
			n *= int(d)
		}
		slope := o.slope
		if slope == nil {
			slope = make([]float32, n)
		}
		add(o.name+".slope", onnx.Float32, slope, 1, n)
		add(o.name+".bias", onnx.Float32, o.bias, 1, n)
		add(o.name+".shape", onnx.Int64, o.shape, len(o.shape))
		m.Graph.AddNode("MatMul", []string{"level", o.name + ".slope"}, []string{o.name + ".scaled"})
		m.Graph.AddNode("Add", []string{o.name + ".scaled", o.name + ".bias"}, []string{o.name + ".sum"})
		last, kind := o.name, onnx.Float32
		if o.integers {
			last, kind = o.name+".floats", onnx.Int64
		}
		m.Graph.AddNode("Reshape", []string{o.name + ".sum", o.name + ".shape"}, []string{last})
		if o.integers {
			m.Graph.AddNode("Cast", []string{last}, []string{o.name}, onnx.IntAttr("to", int64(onnx.Int64)))
		}
		m.Graph.AddOutput(o.name, kind)
	}
	e, err := encoder.FromONNX(m, encoder.WithPreprocess(encoder.Preprocess{Resize: [2]int{2, 4}, Filter: encoder.Nearest, Std: [3]float64{1, 1, 1}, Source: "test"}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func classes(t testing.TB, own []string, rename map[string]string) Classes {
	t.Helper()
	c, err := NewClasses([]string{"none", "scratch", "dent"}, own, rename)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNetwork asks systems about a picture of 8×4 pixels of level 255: boxes in the network's 4×2 pixels are half
// as large as in the picture.
func TestNetwork(t *testing.T) {
	three := classes(t, nil, nil)
	two := classes(t, []string{"scratch", "dent"}, nil)
	box := func(x0, y0, x1, y1 float64, class int, score float64) metric.Detection {
		return metric.Detection{Box: dataset.Box{X0: x0, Y0: y0, X1: x1, Y1: y1, Class: class}, Score: score}
	}
	softmax := func(v, a, b, c float64) float64 { return math.Exp(v) / (math.Exp(a) + math.Exp(b) + math.Exp(c)) }
	for name, c := range map[string]struct {
		outputs []output
		cfg     NetworkConfig
		task    head.Task
		want    head.Output
	}{
		"logits": {[]output{{name: "y", shape: []int64{1, 3}, bias: []float32{2, 0, 1}, slope: []float32{0, 3, 0}}}, NetworkConfig{Classes: three},
			head.Classification, head.Output{Label: 1, Scores: []float32{2, 3, 1}}},
		"logits in another order": {[]output{{name: "y", shape: []int64{1, 2}, bias: []float32{2, 1}}},
			NetworkConfig{Classes: classes(t, []string{"Beule", "Kratzer"}, map[string]string{"Beule": "dent", "Kratzer": "scratch"})},
			head.Classification, head.Output{Label: 2, Scores: []float32{0, 1, 2}}},
		"anomaly score": {[]output{{name: "y", shape: []int64{1, 1}, bias: []float32{0.25}, slope: []float32{0.5}}}, NetworkConfig{Classes: three, Threshold: 0.7},
			head.Anomaly, head.Output{Anomaly: 0.75, Label: 1}},
		"anomaly map": {[]output{{name: "y", shape: []int64{1, 2, 2}, bias: []float32{1, 4, 3, 2}}}, NetworkConfig{Classes: three, Task: head.Anomaly},
			head.Anomaly, head.Output{Anomaly: 4}},
		"boxes, scores and labels": {[]output{
			{name: "boxes", shape: []int64{2, 4}, bias: []float32{0, 0, 1, 1, 2, 1, 4, 2}},
			{name: "labels", shape: []int64{2}, bias: []float32{1, 0}, integers: true},
			{name: "scores", shape: []int64{2}, bias: []float32{0.25, 0.5}},
		}, NetworkConfig{Classes: two}, head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(4, 2, 8, 4, 1, 0.5), box(0, 0, 2, 2, 2, 0.25)}}},
		"boxes beside scores, transposed": {[]output{
			{name: "y", shape: []int64{1, 6, 2}, bias: []float32{1, 3, 1, 1, 2, 2, 2, 2, 0.25, 0.5, 0.75, 0.125}},
		}, NetworkConfig{Classes: two, Boxes: NetworkBoxes{Boxes: Boxes{Format: "cxcywh", Least: 0.2}}},
			head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 4, 4, 2, 0.75), box(4, 0, 8, 4, 1, 0.5)}}},
		"objectness": {[]output{{name: "y", shape: []int64{1, 1, 7}, bias: []float32{0, 0, 1, 1, 0.5, 0.5, 0.25}}},
			NetworkConfig{Classes: two, Outputs: map[Kind]string{BoxesObjectness: "y"}, Boxes: NetworkBoxes{Boxes: Boxes{Normalised: true}}},
			head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 8, 4, 1, 0.25)}}},
		"score and label": {[]output{{name: "y", shape: []int64{2, 6}, bias: []float32{0, 0, 1, 1, 0.5, 1, 0, 0, 0, 1, 0.9, 0}}},
			NetworkConfig{Classes: two, Outputs: map[Kind]string{BoxesScoreLabel: "y"}},
			head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 2, 2, 2, 0.5)}}},
		"softmax with background": {[]output{
			{name: "b", shape: []int64{1, 1, 4}, bias: []float32{0, 0, 1, 1}}, {name: "s", shape: []int64{1, 1, 3}, bias: []float32{1, 2, 5}},
		}, NetworkConfig{Classes: two, Boxes: NetworkBoxes{Scores: "softmax", Background: "last"}},
			head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 2, 2, 2, softmax(2-5, 1-5, 2-5, 0))}}},
		"sigmoid": {[]output{{name: "y", shape: []int64{1, 1, 6}, bias: []float32{0, 0, 1, 1, 0, -1}}},
			NetworkConfig{Classes: two, Outputs: map[Kind]string{BoxesScores: "y"}, Boxes: NetworkBoxes{Scores: "sigmoid"}},
			head.Detection, head.Output{Label: -1, Detections: []metric.Detection{box(0, 0, 2, 2, 1, 0.5)}}},
	} {
		s, err := NewNetwork("line", network(t, c.outputs...), c.cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Task() != c.task {
			t.Errorf("%s: the task is %s, want %s", name, s.Task(), c.task)
		}
		got, err := ask(s, wide(t), "")
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v, %v", name, got, c.want, err)
		}
	}
}

// wide is a white picture of 8×4 pixels.
func wide(t testing.TB) *dataset.Sample {
	t.Helper()
	s := flat(t, 255)
	p := *s.Pixels
	p.Pix = append(append([]uint8(nil), s.Pixels.Pix...), make([]uint8, 8*4*4)...)[:8*4*4]
	for i := range p.Pix {
		p.Pix[i] = 255
	}
	p.Stride, p.Rect.Max.X, p.Rect.Max.Y = 32, 8, 4
	if err := s.SetPixels(&p); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNetworkMasks: one cell of 1×2 for each half of the picture.
func TestNetworkMasks(t *testing.T) {
	for name, c := range map[string]struct {
		out         output
		own         []string
		rename      map[string]string
		threshold   float64
		left, right uint16
	}{
		"background first":      {output{name: "y", shape: []int64{1, 4, 1, 2}, bias: []float32{5, 0, 1, 1, 2, 2, 3, 3}}, nil, nil, 0, 0, 3},
		"every channel a class": {output{name: "y", shape: []int64{1, 2, 1, 2}, bias: []float32{5, 0, 1, 1}}, []string{"dent", "scratch"}, nil, 0, 3, 2},
		"a class of background": {output{name: "y", shape: []int64{1, 2, 1, 2}, bias: []float32{5, 0, 1, 1}}, []string{"dent", "free"}, map[string]string{"free": "background"}, 0, 3, 0},
		"one channel":           {output{name: "y", shape: []int64{1, 1, 1, 2}, bias: []float32{0.2, 0.9}}, []string{"dent"}, nil, 0.5, 0, 3},
	} {
		s, err := NewNetwork("line", network(t, c.out), NetworkConfig{Classes: classes(t, c.own, c.rename), Threshold: c.threshold, Task: head.Segmentation})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := ask(s, wide(t), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for y := range 4 {
			if row := got.Mask.Pix[8*y : 8*y+8]; row[0] != c.left || row[1] != c.left || row[6] != c.right || row[7] != c.right {
				t.Errorf("%s: row %d is %v, want %d … %d", name, y, row, c.left, c.right)
			}
		}
	}
}

func TestNetworkOnEmbedding(t *testing.T) {
	m := network(t, output{name: "embeds", shape: []int64{1, 2}, bias: []float32{1, 0}, slope: []float32{0, 2}}, output{name: "extra", shape: []int64{1, 1}, bias: []float32{1}})
	zero, err := head.NewZeroShot("line", [][]float32{{1, 0}, {0, 1}, {-1, 0}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewNetwork("line", m, NetworkConfig{Classes: classes(t, nil, nil), Head: zero})
	if err != nil {
		t.Fatal(err)
	}
	// On white the embedding is (1, 2), on black (1, 0).
	for level, want := range map[uint8]int{255: 1, 0: 0} {
		if got, err := ask(s, flat(t, level), ""); err != nil || got.Label != want || s.Task() != head.Classification {
			t.Errorf("level %d: class %d of %s, %v", level, got.Label, s.Task(), err)
		}
	}
	c, err := NewNetwork("line", m, NetworkConfig{Classes: classes(t, nil, nil), Head: Collector{}})
	if err != nil {
		t.Fatal(err)
	}
	feats, err := Embeddings(t.Context(), c, []*dataset.Sample{flat(t, 255), flat(t, 0)})
	if err != nil || !reflect.DeepEqual(feats[0].Acts[encoder.Embedding].Data, []float32{1, 2}) || !reflect.DeepEqual(feats[1].Acts[encoder.Embedding].Data, []float32{1, 0}) {
		t.Errorf("%+v, %v", feats, err)
	}
}

func TestNetworkRefuses(t *testing.T) {
	three := classes(t, nil, nil)
	y := output{name: "y", shape: []int64{1, 5}, bias: make([]float32, 5)}
	for says, cfg := range map[string]NetworkConfig{
		"do not tell what they hold":       {Classes: three},
		`no output "z"; it has y [1 5]`:    {Classes: three, Outputs: map[Kind]string{Logits: "z"}},
		`cannot hold "logit"; it can hold`: {Classes: three, Outputs: map[Kind]string{"logit": "y"}},
		"is for classification and not":    {Classes: three, Task: head.Detection, Outputs: map[Kind]string{Logits: "y"}},
		"needs text embeddings":            {Classes: three, Outputs: map[Kind]string{EmbeddingOutput: "y"}},
		"make no detector":                 {Classes: three, Outputs: map[Kind]string{BoxCorners: "y"}},
		`"corners" is none of xyxy`:        {Classes: three, Outputs: map[Kind]string{Logits: "y"}, Boxes: NetworkBoxes{Boxes: Boxes{Format: "corners"}}},
	} {
		if _, err := NewNetwork("line", network(t, y), cfg); err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "system line: ") {
			t.Errorf("%v, want %q", err, says)
		}
	}
	s, err := NewNetwork("line", network(t, y), NetworkConfig{Classes: three, Outputs: map[Kind]string{Logits: "y"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(s, flat(t, 3), ""); err == nil || !strings.Contains(err.Error(), "image flat-3: 5 scores for 3 classes") {
		t.Errorf("five scores for three classes: %v", err)
	}
}
