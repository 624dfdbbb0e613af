package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
	"gorgonia.org/tensor"
)

// openEncoder opens an ONNX file, or an embedded model by its name when no such file is there (a folder is none).
func openEncoder(name string, opts ...encoder.Option) (*encoder.Model, report.Artifact, error) {
	info, err := os.Stat(name)
	if (errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir()) && slices.Contains(models.Names(), name) {
		m, err := models.Open(name)
		if err != nil {
			return nil, report.Artifact{}, err
		}
		enc, err := m.Encoder(opts...)
		return enc, report.Artifact{Name: m.Card.Files[0].Name, SHA256: m.Card.Files[0].SHA256}, err
	}
	if err != nil {
		return nil, report.Artifact{}, err
	}
	enc, err := encoder.Open(name, opts...)
	if err != nil {
		return nil, report.Artifact{}, err
	}
	sum, err := hashFile(name)
	return enc, report.Artifact{Name: filepath.Base(name), SHA256: sum}, err
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// loadImages decodes every image below a folder, in order of path. One that cannot be read is an error
// with its name: the outputs would otherwise not match the folder.
func loadImages(root string) ([]*dataset.Sample, error) {
	d, err := dataset.Flat(root)
	if err != nil {
		return nil, err
	}
	if len(d.Problems) > 0 {
		return nil, d.Problems[0]
	}
	var out []*dataset.Sample
	for s, err := range d.All() {
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// rawInput reads a network input, float32 N×C×H×W, as one tensor per image.
func rawInput(path string, data []float32, shape []int) ([]*tensor.Dense, error) {
	if len(shape) != 4 || shape[1] != 3 || slices.Min(shape) < 1 {
		return nil, fmt.Errorf("%s: shape %v, want the network input N×3×H×W", path, shape)
	}
	n := shape[1] * shape[2] * shape[3]
	out := make([]*tensor.Dense, shape[0])
	for i := range out {
		out[i] = tensor.New(tensor.WithShape(shape[1:]...), tensor.WithBacking(data[i*n:(i+1)*n:(i+1)*n]))
	}
	return out, nil
}
