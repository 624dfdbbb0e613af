package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestLargeModelsAreSavedInTwoFiles lowers the size from which weights go to their own file.
func TestLargeModelsAreSavedInTwoFiles(t *testing.T) {
	values := make([]float32, 3000)
	for i := range values {
		values[i] = float32(i)
	}
	m := NewModel("large", 17)
	for _, name := range []string{"a", "b"} {
		w, err := NewFloat32(name, []int{3000}, values)
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.AddInitializer(w)
	}
	small, err := NewInt64("small", []int{1}, []int64{7})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.AddInitializer(small)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := m.save(path, 1000); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path + ".data"); err != nil || st.Size() != 12288+12000 {
		t.Fatalf("data file: %v %v", st, err)
	}
	again, err := Open(path, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range again.Graph.Initializers[:2] {
		if v, err := w.Float32s(); err != nil || !slices.Equal(v, values) {
			t.Errorf("%s differs (%v)", w.Name, err)
		}
	}
	var one, two bytes.Buffer
	if err := m.Write(&one); err != nil {
		t.Fatal(err)
	}
	if err := again.Write(&two); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the model with external data does not save as the same single file")
	}
	if err := m.save(path, 10); err == nil {
		t.Error("a model beyond the limit without its weights was saved")
	}
}
