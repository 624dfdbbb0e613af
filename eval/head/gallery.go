package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindGallery = "gallery"

// Gallery retrieves from a list of items by cosine with the image's feature vector: items are texts
// (image–text) or other images (image–image). Scores are the cosines with all items, Embedding the unit-length
// vector, Label the class of the best item and Text its caption where the gallery has one.
type Gallery struct {
	cosine *Cosine
	cfg    galleryConfig
}

type galleryConfig struct {
	Task   Task         `json:"task"`
	Cosine cosineConfig `json:"cosine"`
	Labels []int        `json:"labels"` // class of every item, or −1
	Texts  []string     `json:"texts,omitempty"`
}

// NewTextGallery retrieves texts: one embedding for each, with its class (−1 for none).
func NewTextGallery(name string, text [][]float32, texts []string, labels []int) (*Gallery, error) {
	width := 0
	if len(text) > 0 {
		width = len(text[0])
	}
	return newGallery(name, Source{Tap: encoder.Embedding, Width: width}, text, galleryConfig{Task: Retrieval, Labels: labels, Texts: texts})
}

// NewImageGallery retrieves images; their labels are the items' classes.
func NewImageGallery(name string, src Source, feats []Features) (*Gallery, error) {
	rows, labels, err := gallery(name, src, feats)
	if err != nil {
		return nil, err
	}
	return newGallery(name, src, rows, galleryConfig{Task: Retrieval, Labels: labels})
}

// NewCaptionBank captions an image with the first caption of the nearest image of a bank; images without a
// caption are left out.
func NewCaptionBank(name string, src Source, feats []Features) (*Gallery, error) {
	var told []Features
	var texts []string
	for _, f := range feats {
		if len(f.Sample.Captions) > 0 {
			told, texts = append(told, f), append(texts, f.Sample.Captions[0])
		}
	}
	rows, labels, err := gallery(name, src, told)
	if err != nil {
		return nil, err
	}
	return newGallery(name, src, rows, galleryConfig{Task: Captioning, Labels: labels, Texts: texts})
}

func gallery(name string, src Source, feats []Features) ([][]float32, []int, error) {
	rows, err := src.rows(name, feats)
	labels := make([]int, len(feats))
	for i := range feats {
		labels[i] = feats[i].Sample.Label
	}
	return rows, labels, err
}

func newGallery(name string, src Source, rows [][]float32, cfg galleryConfig) (*Gallery, error) {
	c, err := newCosine(name, src, rows, 1)
	if err != nil {
		return nil, err
	}
	cfg.Cosine = c.cfg
	g := &Gallery{cosine: c, cfg: cfg}
	return g, g.validate()
}

func (g *Gallery) validate() error {
	c, n := g.cfg, len(g.cosine.dirs)
	if len(c.Labels) != n || c.Texts != nil && len(c.Texts) != n || c.Task == Captioning && c.Texts == nil {
		return fmt.Errorf("head %s: %d items with %d labels and %d texts", g.Name(), n, len(c.Labels), len(c.Texts))
	}
	if c.Task != Captioning && c.Task != Retrieval {
		return fmt.Errorf("head %s: a gallery for %q", g.Name(), c.Task)
	}
	return nil
}

// Name, Task and Taps implement [Head].
func (g *Gallery) Name() string        { return g.cosine.name }
func (g *Gallery) Task() Task          { return g.cfg.Task }
func (g *Gallery) Taps() []encoder.Tap { return g.cosine.Taps() }

// Predict implements [Head].
func (g *Gallery) Predict(in Input) (Output, error) {
	s, err := g.cosine.Scores(in)
	if err != nil {
		return Output{}, err
	}
	x, err := g.cfg.Cosine.Source.vector(g.Name(), in, 0)
	if err != nil {
		return Output{}, err
	}
	unit, err := unitRows([][]float32{x})
	if err != nil {
		return Output{}, fmt.Errorf("head %s: %w", g.Name(), err)
	}
	best := argmax(s.Data)
	if best < 0 {
		return Output{}, fmt.Errorf("head %s: every cosine is NaN", g.Name())
	}
	out := Output{Label: g.cfg.Labels[best], Scores: s.Data, Embedding: unit[0], Items: g.cfg.Labels}
	if g.cfg.Texts != nil {
		out.Text = g.cfg.Texts[best]
	}
	return out, nil
}

// Scores implements [Differentiable]: the cosine with every item.
func (g *Gallery) Scores(in Input) (Activation, error) { return g.cosine.Scores(in) }

// VJP implements [Differentiable].
func (g *Gallery) VJP(in Input, dScores []float32) ([]Activation, error) {
	return g.cosine.VJP(in, dScores)
}

// Decisions implements [Attackable]: the best right item against the best wrong one. A caption is right when it
// is a reference, another item when its class is the image's.
func (g *Gallery) Decisions(clean []Output, t Truth) ([]Decisions, error) {
	if g.cfg.Task == Captioning {
		return ofTexts(clean[0], g.cfg.Texts, t), nil
	}
	if t.Label < 0 {
		return nil, fmt.Errorf("head %s: image %s has no class", g.Name(), t.ID)
	}
	right := func(i int) bool { return g.cfg.Labels[i] == t.Label }
	return []Decisions{{Options: 2, Scores: twoSided(0, len(g.cfg.Labels), right), Right: []int{1}}}, nil
}

func (g *Gallery) state() (*state, error) {
	return newState(kindGallery, g.Name(), g.cfg, func(s *state) {
		s.addRows("items", g.cosine.dirs)
	})
}

func loadGallery(s *state) (Head, error) {
	g := &Gallery{}
	if err := s.config(&g.cfg); err != nil {
		return nil, err
	}
	rows, err := s.rowsOf("items", g.cfg.Cosine.Source.Width)
	if err != nil {
		return nil, err
	}
	if g.cosine, err = newCosine(s.Name, g.cfg.Cosine.Source, rows, 1); err != nil {
		return nil, err
	}
	g.cosine.dirs = rows // of unit length already
	return g, g.validate()
}
