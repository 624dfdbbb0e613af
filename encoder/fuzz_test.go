package encoder

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/tower"
)

// FuzzRead feeds mutated ONNX files to everything between the bytes and a gradient: a file that opens
// must also compile, or say why not, and run.
func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	src, err := tower.Image{Size: 8, Patch: 4, Width: 8, Depth: 1, Heads: 2, Embed: 3}.Model(1)
	if err != nil {
		f.Fatal(err)
	}
	if err := src.Write(&buf); err != nil {
		f.Fatal(err)
	}
	whole := buf.Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(bytes.Replace(whole, []byte("Softmax"), []byte("Sigmoid"), 1))
	f.Add(bytes.Replace(whole, []byte("Transpose"), []byte("Unsqueeze"), 2))
	f.Add([]byte("not a model"))
	for _, h := range slices.Concat(bombs(&testing.T{}), nonsense(&testing.T{})) {
		b := bytes.NewBuffer(h.bytes)
		if h.model != nil {
			if err := h.model.Write(b); err != nil {
				f.Fatal(err)
			}
		}
		if b.Len() < 16<<10 {
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		s := m.Spec()
		if s.ImageSize[0]*s.ImageSize[1] > 1<<12 || m.found[Embedding] == nil {
			return
		}
		tr, err := m.Trace(context.Background(), pictures(1, s.ImageSize[0], s.ImageSize[1]), Embedding)
		if err != nil {
			return
		}
		tr.Close()
	})
}
