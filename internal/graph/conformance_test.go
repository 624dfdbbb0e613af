package graph_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx" // registers the cases
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// TestConformance runs the operator cases of the ONNX project that onnx-go carries, forward, once through
// the engine and once by constant folding.
func TestConformance(t *testing.T) {
	for _, make := range testbackend.GetAllRegisteredTests() {
		c := make()
		t.Run(c.Title, func(t *testing.T) {
			for part, why := range refused {
				if strings.Contains(c.Title, part) {
					wantRefusal(t, c, why)
					return
				}
			}
			conform(t, c)
		})
	}
}

// refused are the cases that no encoder for one image needs, by a part of their title, and what the error says.
var refused = map[string]string{
	"Nonmaxsuppression":              "has a result whose size depends on the image",
	"Tfidfvectorizer":                "TfIdfVectorizer works on strings",
	"Strnormalizer":                  "works on strings",
	"Roialign":                       "RoiAlign is not part of an encoder",
	"Maxunpool":                      "MaxUnpool is not part of an encoder",
	"Reversesequence":                "ReverseSequence is not part of an encoder",
	"Convtranspose3d":                "images [1,C,H,W] are supported",
	"Maxpool3dDefault":               "images [1,C,H,W] and rows [1,C,L] are supported",
	"Averagepool3dDefault":           "images [1,C,H,W] and rows [1,C,L] are supported",
	"MaxpoolWithArgmax2dPrecomputed": "positions of the largest elements",
}

func wantRefusal(t *testing.T, c *testbackend.TestCase, why string) {
	m, err := onnx.Read(bytes.NewReader(c.ModelB), int64(len(c.ModelB)), onnx.DefaultLimits())
	if err == nil {
		var in []*graph.Tensor
		for _, v := range c.Input {
			in = append(in, fromDense(v))
		}
		_, err = evaluate(m, in, false)
	}
	if err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("error %v does not say %q", err, why)
	}
}

func conform(t *testing.T, c *testbackend.TestCase) {
	m, err := onnx.Read(bytes.NewReader(c.ModelB), int64(len(c.ModelB)), onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var in []*graph.Tensor
	for _, v := range c.Input {
		in = append(in, fromDense(v))
	}
	for _, fold := range []bool{false, true} {
		got, err := evaluate(m, in, fold)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.ExpectedOutput {
			if len(got[i].Shape) == 0 { // the module has no scalars
				got[i] = got[i].Reshaped(1)
			}
			closeTo(t, m.Graph.Outputs[i].Name, got[i], fromDense(want), 2e-5)
		}
	}
}

// fromDense converts an array of any element type.
func fromDense(d tensor.Tensor) *graph.Tensor {
	shape := append([]int{}, d.Shape()...)
	v := reflect.ValueOf(d.Data())
	if v.Kind() != reflect.Slice {
		s := reflect.MakeSlice(reflect.SliceOf(v.Type()), 1, 1)
		s.Index(0).Set(v)
		v = s
	}
	t := &graph.Tensor{Shape: shape}
	for i := range v.Len() {
		switch e := v.Index(i); {
		case e.CanFloat():
			t.DType, t.F = graph.Float32, append(t.F, float32(e.Float()))
		case e.CanInt():
			t.DType, t.I = graph.Int64, append(t.I, e.Int())
		case e.CanUint():
			t.DType, t.I = graph.Int64, append(t.I, int64(e.Uint()))
		case e.Kind() == reflect.Bool:
			t.DType, t.I = graph.Bool, append(t.I, 0)
			if e.Bool() {
				t.I[i] = 1
			}
		}
	}
	return t
}
