package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"iter"
	"runtime"
	"slices"
	"sync"

	"gorgonia.org/tensor"
)

// Dataset is a list of samples and the names of their classes. Samples are descriptions: Load returns
// a decoded copy and leaves the description small.
type Dataset struct {
	Name     string
	Classes  []string
	Samples  []*Sample
	Problems []error // files and records the reader could not use, each naming its file
}

// Len is the number of samples.
func (d *Dataset) Len() int { return len(d.Samples) }

// ClassIndex returns the index of a class name, or NoLabel.
func (d *Dataset) ClassIndex(name string) int { return slices.Index(d.Classes, name) }

// Load decodes sample i. The error names the file.
func (d *Dataset) Load(i int) (*Sample, error) {
	if i < 0 || i >= len(d.Samples) {
		return nil, fmt.Errorf("dataset %s: sample %d of %d", d.Name, i, len(d.Samples))
	}
	return d.Samples[i].load()
}

// All walks the samples in order, decoding each. With an error the sample is its description only, so
// that the caller can name it and go on.
func (d *Dataset) All() iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		for _, s := range d.Samples {
			loaded, err := s.load()
			if err != nil {
				loaded = s
			}
			if !yield(loaded, err) {
				return
			}
		}
	}
}

// LoadAll decodes every sample on all processors and returns those that could be read, in order, with
// an error for each that could not. On a cancelled context it returns what is done and the cause.
func (d *Dataset) LoadAll(ctx context.Context) ([]*Sample, []error) {
	loaded := make([]*Sample, len(d.Samples))
	failed := make([]error, len(d.Samples))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(d.Samples)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				loaded[i], failed[i] = d.Samples[i].load()
			}
		}()
	}
	for i := range d.Samples {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	loaded = slices.DeleteFunc(loaded, func(s *Sample) bool { return s == nil })
	failed = slices.DeleteFunc(failed, func(e error) bool { return e == nil })
	if err := context.Cause(ctx); err != nil {
		failed = append(failed, err)
	}
	return loaded, failed
}

func (s *Sample) load() (*Sample, error) {
	if s.read == nil {
		return nil, fmt.Errorf("%s: nothing to read the image from", s.ID)
	}
	pixels, err := s.read()
	if err != nil {
		return nil, err
	}
	c := *s
	if err := c.SetPixels(pixels); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	if s.check != nil {
		if err := s.check(c.Width, c.Height); err != nil {
			return nil, err
		}
	}
	if s.readMask != nil {
		if c.Mask, err = s.readMask(c.Width, c.Height); err != nil {
			return nil, err
		}
		if s.boxesFrom > 0 && len(c.Boxes) == 0 {
			c.Boxes = c.Mask.Boxes(s.boxesFrom)
		}
	}
	return &c, nil
}

func (s *Sample) name() string {
	if s.Path != "" {
		return s.Path
	}
	return s.ID
}

// SetPixels gives s the 8-bit image p and everything computed from it: size, planar float image and
// hash. The alpha channel is ignored and set to 255.
func (s *Sample) SetPixels(p *image.NRGBA) error {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	if w <= 0 || h <= 0 {
		return fmt.Errorf("empty image (%d×%d)", w, h)
	}
	s.Pixels, s.Width, s.Height = p, w, h
	s.Image, s.Hash = Planar(p), HashPixels(p)
	return nil
}

// Generated returns a sample whose pixels and mask are made on demand. mask may be nil.
func Generated(id string, pixels func() (*image.NRGBA, error), mask func(w, h int) (*Mask, error)) *Sample {
	return &Sample{ID: id, Label: NoLabel, read: pixels, readMask: mask}
}

// Planar returns p as a 3×H×W float32 tensor, each value exactly v/255 rounded to float32.
func Planar(p *image.NRGBA) *tensor.Dense {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	data := make([]float32, 3*w*h)
	for y := range h {
		row := p.Pix[y*p.Stride:]
		for x := range w {
			for c := range 3 {
				data[(c*h+y)*w+x] = float32(row[4*x+c]) / 255
			}
		}
	}
	return tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(data))
}

// HashPixels is the SHA-256 of p's width and height (big-endian uint32) and its RGB bytes by rows, in
// hexadecimal: the identity of an image whatever file it was stored in.
func HashPixels(p *image.NRGBA) string {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	sum := sha256.New()
	sum.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h)))
	row := make([]byte, 3*w)
	for y := range h {
		src := p.Pix[y*p.Stride:]
		for x := range w {
			copy(row[3*x:3*x+3], src[4*x:4*x+3])
		}
		sum.Write(row)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
