package eval

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// TestJudgeMeasuresTheFile writes files that differ by known amounts; nothing but the file counts.
func TestJudgeMeasuresTheFile(t *testing.T) {
	dir := t.TempDir()
	clean := new(dataset.Sample)
	if err := clean.SetPixels(texture(4)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change int
		inside bool
	}{{0, true}, {8, true}, {-8, true}, {9, false}, {-40, false}} {
		m := texture(4)
		m.Pix[m.PixOffset(3, 5)+1] = uint8(int(m.Pix[m.PixOffset(3, 5)+1]) + c.change)
		write(t, filepath.Join(dir, "x.png"), m)
		o, shown, err := JudgeFile(dir, "x.png", clean, 8)
		if err != nil {
			t.Fatal(err)
		}
		size := max(c.change, -c.change)
		if o.Inside != c.inside || int(o.Linf) != size || (shown.Hash == clean.Hash) != (size == 0) {
			t.Errorf("changed by %d: %+v", c.change, o)
		}
		if want := float64(min(size, 1)) / (side * side); float64(o.Changed) != want {
			t.Errorf("changed by %d: share of pixels %v, want %v", c.change, o.Changed, want)
		}
	}
}

func TestJudgeRefusesAnotherSize(t *testing.T) {
	dir := t.TempDir()
	clean := new(dataset.Sample)
	if err := clean.SetPixels(texture(4)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "x.png"), image.NewNRGBA(image.Rect(0, 0, side, side+1)))
	if _, _, err := JudgeFile(dir, "x.png", clean, 8); err == nil {
		t.Error("a file of another size was judged")
	}
	if err := os.WriteFile(filepath.Join(dir, "y.png"), []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := JudgeFile(dir, "y.png", clean, 8); err == nil {
		t.Error("a file that is no image was judged")
	}
}

func write(t *testing.T, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}
