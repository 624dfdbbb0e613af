// Package surfaces draws an inspection dataset from a seed: textured surfaces with and without defects,
// each image with its class, pixel mask, boxes, captions and question–answer pairs. It reads no files, so
// it is the data that is always at hand.
//
// Image i of a seed is one scene, whatever the size it is drawn at: kinds of surface and of defect cycle with
// i, so that every 35 consecutive images hold each combination once, and everything else is drawn from a
// generator keyed by (seed, i). The same (seed, i, size) gives the same bytes. Boxes and words are read off the
// mask as drawn, so a defect near the border between small and large may change its word with the size.
package surfaces

import (
	"fmt"
	"image"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Sizes of the images, pixels a side.
const (
	MinSize     = 64
	MaxSize     = 512
	DefaultSize = 64
)

// MaxImages bounds a dataset, whose descriptions are held in memory.
const MaxImages = 1 << 20

// Config says which images to draw.
type Config struct {
	Seed  uint64 `json:"seed" yaml:"seed"`
	First int    `json:"first,omitempty" yaml:"first,omitempty"` // index of the first image; defaults to 0
	N     int    `json:"n" yaml:"n"`                             // number of images
	Size  int    `json:"size,omitempty" yaml:"size,omitempty"`   // pixels a side, 64 to 512; defaults to 64
}

// Validate reports what is out of range.
func (c Config) Validate() error {
	switch {
	case c.Size != 0 && (c.Size < MinSize || c.Size > MaxSize):
		return fmt.Errorf("surfaces: size %d is outside %d to %d", c.Size, MinSize, MaxSize)
	case c.N < 1 || c.N > MaxImages || c.First < 0 || c.First > 1<<40:
		return fmt.Errorf("surfaces: %d images from index %d; 1 to %d from an index of at least 0 can be drawn", c.N, c.First, MaxImages)
	}
	return nil
}

func (c Config) String() string {
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	return fmt.Sprintf("surfaces(seed=%d, images=%d..%d, size=%d)", c.Seed, c.First, c.First+c.N-1, c.Size)
}

// Surfaces are the kinds of surface in order: image i is of kind i mod 5.
var Surfaces = []string{"brushed metal", "cast metal", "woven fabric", "printed sheet", "ceramic tile"}

// Defects are the classes in order: image i is of class i mod 7. The first is free of defects.
var Defects = []string{"none", "scratch", "dent", "stain", "crack", "hole", "inclusion"}

// New describes the images of a config; pixels and masks are drawn when a sample is loaded. IDs are
// "seed-index".
func New(c Config) (*dataset.Dataset, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	d := &dataset.Dataset{Name: "surfaces", Classes: append([]string(nil), Defects...)}
	for i := range c.N {
		d.Samples = append(d.Samples, sample(c.Seed, c.First+i, c.Size))
	}
	return d, nil
}

func sample(seed uint64, index, size int) *dataset.Sample {
	sc := newScene(seed, index)
	_, boxes := sc.mask(size)
	s := dataset.Generated(fmt.Sprintf("%d-%06d", seed, index),
		func() (*image.NRGBA, error) { return newScene(seed, index).draw(size), nil },
		func(w, h int) (*dataset.Mask, error) {
			m, _ := newScene(seed, index).mask(size)
			return m, nil
		})
	s.Label, s.Boxes = sc.defect, boxes
	s.Width, s.Height = size, size
	f := sc.facts(boxes, float64(size))
	s.Captions, s.QA = f.captions(), f.questions(s.ID)
	return s
}
