package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// sharedModels returns the real exported models, or skips where they are not at hand.
func sharedModels(tb testing.TB) []string {
	tb.Helper()
	root := os.Getenv("PLUMBLINE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(root, "onnx", "*", "models", "*.onnx"))
	if err != nil {
		tb.Fatal(err)
	}
	tiny, _ := filepath.Glob(filepath.Join(root, "onnx", "inspect-tiny", "*.onnx"))
	if files = append(files, tiny...); len(files) == 0 {
		tb.Skipf("no models under %s", root)
	}
	return files
}

// sameModel compares what two models mean, not how their files spelt it.
var sameModel = cmp.Options{
	cmpopts.IgnoreFields(onnx.Model{}, "Path"),
	cmpopts.IgnoreUnexported(onnx.Model{}, onnx.Graph{}, onnx.Node{}, onnx.Attribute{}, onnx.ValueInfo{}, onnx.Function{}),
	cmpopts.EquateEmpty(),
	cmpopts.EquateNaNs(),
	cmp.Comparer(func(a, b *onnx.Tensor) bool {
		if a == nil || b == nil {
			return a == b
		}
		return a.Name == b.Name && a.Type == b.Type && cmp.Equal(a.Dims, b.Dims, cmpopts.EquateEmpty()) && bytes.Equal(data(a), data(b))
	}),
}

func data(t *onnx.Tensor) []byte {
	if s, err := t.Strings(); err == nil {
		return bytes.Join(s, []byte{0})
	}
	b, err := t.Bytes()
	if err != nil {
		return []byte(err.Error())
	}
	return b
}

func TestExportedModelsRoundTrip(t *testing.T) {
	for _, path := range sharedModels(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := onnx.Open(path, onnx.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Graph.Nodes) < 10 || len(m.Graph.Initializers)+len(m.Graph.Nodes) < 20 || m.Opsets[""] < 9 {
				t.Errorf("%d nodes, %d initializers, opsets %v", len(m.Graph.Nodes), len(m.Graph.Initializers), m.Opsets)
			}
			copied := filepath.Join(t.TempDir(), "copy.onnx")
			if err := m.Save(copied); err != nil {
				t.Fatal(err)
			}
			again, err := onnx.Open(copied, onnx.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(m, again, sameModel); d != "" {
				t.Errorf("the saved model differs:\n%s", d)
			}
			first, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			var second bytes.Buffer
			if err := again.Write(&second); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second.Bytes()) {
				t.Error("saving twice gives different bytes")
			}
			if strings.Contains(path, "_ext_") {
				return // its data has moved into the file
			}
			if original, err := os.ReadFile(path); err != nil || !bytes.Equal(first, original) {
				t.Errorf("the saved file differs from the original (%v)", err)
			}
		})
	}
}
