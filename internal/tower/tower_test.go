package tower_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/onnx"
	"github.com/plumbline-ml/plumbline/internal/tower"
	"github.com/plumbline-ml/plumbline/internal/train"
)

func TestImageTower(t *testing.T) {
	c := tower.Image{Size: 32, Patch: 8, Width: 48, Depth: 3, Heads: 4, Embed: 24}
	m, err := c.Model(7)
	if err != nil {
		t.Fatal(err)
	}
	var file, again bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	m2, _ := c.Model(7)
	if err := m2.Write(&again); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Error("the same seed gives another file")
	}
	e, err := encoder.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	s := e.Spec()
	if s.Depth != 3 || s.Heads != 4 || s.Width != 48 || s.Tokens != 17 || !s.CLS || s.Embedding != 24 || s.Patch != 8 || s.Grid != [2]int{4, 4} {
		t.Errorf("spec %+v", s)
	}
	tr, err := e.Trainable()
	if err != nil {
		t.Fatal(err)
	}
	weights := 0
	for _, init := range m.Graph.Initializers {
		if init.Type.IsFloat() && init.Len() > 1 {
			weights += init.Len()
		}
	}
	if n := train.Count(tr.Params()); n != weights || len(tr.Fixed()) > 0 {
		t.Errorf("%d of %d weights are trainable; fixed %v", n, weights, tr.Fixed())
	}
}

func TestTextTower(t *testing.T) {
	m, err := tower.Text{Vocab: 30, Len: 6, Width: 16, Depth: 2, Heads: 2, Embed: 8}.Model(1)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	e, err := encoder.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := e.Trainable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := tr.ForwardRaw(context.Background(), [][]float32{{1, 2, 3, 0, 0, 0}, {1, 3, 2, 0, 0, 0}}, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if len(out[0]) != 8 || out[0][0] == out[1][0] {
		t.Errorf("embeddings %v", out)
	}
	roles := map[train.Role]int{}
	for _, p := range tr.Params() {
		roles[p.Role]++
	}
	if roles[train.Constant] != 2 || roles[train.Matrix] != 2*4+1 {
		t.Errorf("parameters by role: %v", roles)
	}
}

func TestImpossibleNetworks(t *testing.T) {
	for _, c := range []tower.Image{
		{Size: 30, Patch: 8, Width: 8, Depth: 1, Heads: 1, Embed: 8}, {Size: 32, Patch: 8, Width: 9, Depth: 1, Heads: 2, Embed: 8},
		{Size: 32, Patch: 8, Width: 8, Depth: 0, Heads: 1, Embed: 8}, {},
	} {
		if _, err := c.Model(1); err == nil {
			t.Errorf("%+v makes a network", c)
		}
	}
}

// TestHalf checks that widened weights are the rounded ones, and that training finds them behind the cast.
func TestHalf(t *testing.T) {
	m, err := tower.Image{Size: 16, Patch: 8, Width: 16, Depth: 1, Heads: 2, Embed: 8}.Model(7)
	if err != nil {
		t.Fatal(err)
	}
	weight, err := m.Tensor("projection").Float32s()
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(weight))
	for i, v := range weight {
		want[i] = onnx.Float16To32(onnx.Float32To16(v))
	}
	if err := tower.Half(m, 16); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	e, err := encoder.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := e.Trainable()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.Params() {
		if p.Name == "projection.half" && slices.Equal(p.Value, want) {
			return
		}
	}
	t.Error("the projection is not the rounded one")
}
