package defense_test

import (
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

// sharedFile finds a file of the shared folder beside the repository, or skips the test.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("PLUMBLINE_SHARED")
	for dir := "."; root == ""; dir = filepath.Join("..", dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			root = filepath.Join(dir, "..", "shared")
		} else if abs, err := filepath.Abs(dir); err != nil || abs == filepath.Dir(abs) {
			t.Skip("no shared folder")
		}
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no shared file ", name)
	}
	return path
}

// On a real encoder a defended gradient is that of the whole chain, preprocessing included, and a batch is its images.
func TestDefensesOnARealEncoder(t *testing.T) {
	e, err := encoder.Open(sharedFile(t, "onnx/inspect-tiny/inspect-tiny.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	images := []*tensor.Dense{defensetest.Picture(90, 70, 1), defensetest.Picture(64, 80, 2)}
	for _, expr := range []string{"jpeg(75)", "gaussian(1)", "tv(0.05)+median(3)", "resize-pad", "crop-ensemble(3)", "ttc", "jpeg(60)+ttc"} {
		w, err := parse(t, expr).Wrap(e, defense.Stream{Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		defensetest.CheckBatch(t, w, images)
	}
	smooth, err := parse(t, "gaussian(1)+tv(0.05,10)").Wrap(e, defense.Stream{})
	if err != nil {
		t.Fatal(err)
	}
	defensetest.CheckGradient(t, smooth, images[0], 0.02)
	at, err := encoder.AtSize(smooth, 96, 64)
	if err != nil {
		t.Fatal(err)
	}
	defensetest.CheckGradient(t, at, defensetest.Picture(96, 64, 3), 0.02)
}
