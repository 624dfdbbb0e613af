package encoder

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestSave saves every sample, opens what was saved, and saves it again: the bytes must be the same, and the
// encoder too.
func TestSave(t *testing.T) {
	root := sharedGoldens(t)
	for _, m := range goldens(t, root) {
		t.Run(m.ID, func(t *testing.T) {
			dir, kept := forORT(t, "saved", m.ID)
			one, two := filepath.Join(dir, "saved.onnx"), filepath.Join(dir, "again.onnx")
			enc, err := Open(filepath.Join(root, m.File))
			if err != nil {
				t.Fatal(err)
			}
			if err := enc.Save(one); err != nil {
				t.Fatal(err)
			}
			again, err := Open(one)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Save(two); err != nil {
				t.Fatal(err)
			}
			a, err := os.ReadFile(one)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(two)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a, b) {
				t.Error("saving twice gives different bytes")
			}
			g := golden{t: t, enc: again.Raw(), dir: filepath.Join(root, m.Golden), model: m}
			g.outputs("b1")
			if !kept {
				return
			}
			g.leave(dir)
			path, err := filepath.Abs(filepath.Join(root, m.File))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "original.txt"), []byte(path), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
