// Package models holds the models and the few images that are embedded in the library, each with a
// card that states its source, licence, preprocessing and SHA-256.
package models

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/npy"
)

//go:embed inspect-tiny surfaces-tiny surfaces-small surfaces-alt surfaces-tuned-classify surfaces-tuned-segment surfaces-fare surfaces-tokenfare tiles
var files embed.FS

// Default is the model that commands use when none is named.
const Default = "inspect-tiny"

// names lists the embedded models; each is a folder with a card.json.
var names = []string{Default, "surfaces-tiny", "surfaces-small", "surfaces-alt", "surfaces-tuned-classify", "surfaces-tuned-segment", "surfaces-fare", "surfaces-tokenfare"}

// Model is an embedded model, read and verified.
type Model struct {
	Card      Card
	ONNX      []byte // the model file
	Labels    Labels
	RawLabels []byte // the file that Labels was read from
	Text      []byte // .npy, float32 classes×E, unit rows: the text embedding of each prompt
}

// Labels are the classes of a zero-shot head.
type Labels struct {
	Prompts    []string   `json:"prompts"`
	LogitScale float64    `json:"logit_scale"` // logits are LogitScale · cosine
	Mean       [3]float64 `json:"mean"`
	Std        [3]float64 `json:"std"`
	ImageSize  int        `json:"image_size"` // side of the network input, pixels
}

// Names returns the embedded models in order of preference.
func Names() []string { return slices.Clone(names) }

// Open returns the embedded model called name, with every file checked against its card.
func Open(name string) (*Model, error) {
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("models: no embedded model %q; there are: %s", name, strings.Join(names, ", "))
	}
	raw, err := files.ReadFile(path.Join(name, "card.json"))
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", name, err)
	}
	card, err := ParseCard(raw)
	if err != nil {
		return nil, err
	}
	content := make([][]byte, len(card.Files))
	for i, f := range card.Files {
		if content[i], err = files.ReadFile(path.Join(name, f.Name)); err != nil {
			return nil, fmt.Errorf("models: %s: %w", name, err)
		}
		if err := f.Verify(bytes.NewReader(content[i])); err != nil {
			return nil, err
		}
	}
	m := &Model{Card: card, ONNX: content[0], RawLabels: content[1], Text: content[2]}
	if err := json.Unmarshal(content[1], &m.Labels); err != nil {
		return nil, fmt.Errorf("models: %s: %s: %w", name, card.Files[1].Name, err)
	}
	return m, nil
}

// Files returns the folder of an embedded model.
func Files(name string) (fs.FS, error) {
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("models: no embedded model %q; there are: %s", name, strings.Join(names, ", "))
	}
	return fs.Sub(files, name)
}

// Tiles returns twelve photographs of magnetic tiles in class folders, two of each of six classes, none
// of which the embedded encoder was trained on. Their README.md gives the authors' citation.
func Tiles() fs.FS {
	sub, err := fs.Sub(files, "tiles")
	if err != nil {
		panic(err) // the folder's name is a constant
	}
	return sub
}

// Encoder reads the model with the card's preprocessing, unless an option gives another.
func (m *Model) Encoder(opts ...encoder.Option) (*encoder.Model, error) {
	opts = append([]encoder.Option{encoder.WithName(m.Card.Name), encoder.WithPreprocess(m.Card.Preprocess)}, opts...)
	return encoder.Read(bytes.NewReader(m.ONNX), int64(len(m.ONNX)), opts...)
}

// TextEmbeddings returns the unit embedding of each of the labels' prompts.
func (m *Model) TextEmbeddings() ([][]float32, error) {
	data, shape, err := npy.Read(bytes.NewReader(m.Text), int64(len(m.Text)))
	if err != nil {
		return nil, fmt.Errorf("models: %s: text embeddings: %w", m.Card.Name, err)
	}
	if len(shape) != 2 || shape[0] != len(m.Labels.Prompts) {
		return nil, fmt.Errorf("models: %s: text embeddings of shape %v for %d prompts", m.Card.Name, shape, len(m.Labels.Prompts))
	}
	rows := make([][]float32, shape[0])
	for i := range rows {
		rows[i] = data[i*shape[1] : (i+1)*shape[1]]
	}
	return rows, nil
}
