package encoder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// Option changes how a model is opened.
type Option func(*options)

// WithRecomputation makes gradients compute each block's activations again instead of keeping them: one
// more forward pass in time, and memory for one block instead of all. It is for long sequences and large
// models; no bit of any result changes.
func WithRecomputation() Option { return func(o *options) { o.recompute = true } }

type options struct {
	recompute bool

	name    string
	input   string
	preproc *Preprocess
	size    [2]int
	offset  float64
	patch   int
	prefix  *prefixTokens
	trace   bool // remember where constants come from, for training

	constant func(c *graph.Tensor, x []int, added bool) (*graph.Tensor, error) // see [graph.ImportOptions]
	lengths  [][2]int
}

// WithPreprocess sets the preprocessing instead of reading it from preprocessor_config.json or assuming
// CLIP's.
func WithPreprocess(p Preprocess) Option { return func(o *options) { o.preproc = &p } }

// WithInput names the image input where the model has several of rank 4.
func WithInput(name string) Option { return func(o *options) { o.input = name } }

// WithImageSize runs the network at h×w pixels instead of the size the file states. A position embedding that the file
// stores is interpolated bicubically over the grid of patches, class token and registers keeping theirs, as the code
// released with PRM does (arXiv 2403.12693); one that the file itself makes for its image size is left to it. Constants
// for pairs of positions and rotary angles stored for one grid cannot be carried to another: an error names them.
func WithImageSize(h, w int) Option { return func(o *options) { o.size = [2]int{h, w} } }

// WithInterpolateOffset adds a number below 1 to the sides of the new grid in the scale by which a stored position
// embedding is interpolated, which then is (side + offset) / own side; the default is 0. DINOv2's code (Oquab et al.,
// arXiv 2304.07193; interpolate_offset there) adds 0.1, so that rounding never loses a row, and its weights were
// trained and are evaluated that way: give 0.1 to get from its exports what its code computes at other sizes.
func WithInterpolateOffset(offset float64) Option { return func(o *options) { o.offset = offset } }

// WithPatch states the side of a patch in pixels where it cannot be found in the graph.
func WithPatch(pixels int) Option { return func(o *options) { o.patch = pixels } }

// prefixTokens are the tokens before the patches.
type prefixTokens struct {
	cls       bool
	registers int
}

// WithPrefix states which tokens stand before the patches where that cannot be found in the graph: a class
// token, then a number of registers.
func WithPrefix(cls bool, registers int) Option {
	return func(o *options) { o.prefix = &prefixTokens{cls, registers} }
}

// WithName sets the name in errors and in the spec.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// Open reads an encoder from an ONNX file. Preprocessing comes from an option, from a
// preprocessor_config.json beside the file, or is CLIP's with a warning in the spec. The file is untrusted
// input: errors name the node or tensor at fault.
//
// On Linux the weights of a file of 16 MiB or more stay in the file, mapped, until they are packed. Such a file may be
// removed or replaced by another of its name while the encoder is in use. Editing it in place or shortening it is an
// error from the next time that weights are read; what was compiled before has all it needs in memory.
func Open(path string, opts ...Option) (*Model, error) {
	src, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	o := options{name: nameOf(path)}
	for _, f := range opts {
		f(&o)
	}
	if o.preproc == nil {
		if o.preproc, err = AdjacentPreprocess(path); err != nil {
			return nil, err
		}
	}
	return load(src, o)
}

// Read reads an encoder from size bytes of r; external data files are refused.
func Read(r io.ReaderAt, size int64, opts ...Option) (*Model, error) {
	src, err := onnx.Read(r, size, onnx.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	o := options{name: "model"}
	for _, f := range opts {
		f(&o)
	}
	return load(src, o)
}

// AdjacentPreprocess reads preprocessor_config.json beside a model, as [Open] does; nil if there is none.
func AdjacentPreprocess(path string) (*Preprocess, error) {
	file := filepath.Join(filepath.Dir(path), "preprocessor_config.json")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	p, err := ReadPreprocessorConfig(file)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// load builds the model and settles its preprocessing.
func load(src *onnx.Model, o options) (*Model, error) {
	if !(o.offset >= 0 && o.offset < 1) {
		return nil, fmt.Errorf("encoder: %s: an interpolation offset of %g: want 0 ≤ offset < 1", o.name, o.offset)
	}
	m, err := build(src, o, 0, 0)
	if errors.Is(err, graph.ErrOpenSize) {
		m, err = buildOpen(src, o, err)
	}
	if h, w := o.size[0], o.size[1]; err == nil && h > 0 && m.spec.ImageSize != o.size {
		m, err = m.refitted(h, w)
	}
	if err != nil {
		return nil, fmt.Errorf("encoder: %s: %w", o.name, err)
	}
	m.spec.Name = o.name
	m.settle(o.preproc)
	if err := m.spec.Preproc.Validate(); err != nil {
		return nil, err
	}
	m.plan = m.spec.Preproc.Plan
	return m, nil
}

// settle fills in the preprocessing's sizes from the network's.
func (m *Model) settle(p *Preprocess) {
	if p == nil {
		d := CLIPPreprocess(min(m.spec.ImageSize[0], m.spec.ImageSize[1]))
		d.Crop = m.spec.ImageSize
		bytes, own := m.normalisesItself()
		if own || m.base.Image.Type.IsInt() {
			d.Mean, d.Std, d.Source = [3]float64{}, [3]float64{1, 1, 1}, "the graph normalises its pixels itself"
			if bytes || m.base.Image.Type.IsInt() {
				d.Std = [3]float64{1. / 255, 1. / 255, 1. / 255}
			}
		}
		m.spec.Preproc = d
		if !own {
			m.assume("preprocessing is CLIP's by default: no preprocessor_config.json was found beside the model")
		} else {
			m.assume("resize and crop are CLIP's by default, without normalisation: %s", d.Source)
		}
		return
	}
	m.spec.Preproc = *p
	if p.Resize == [2]int{} && p.Crop == [2]int{} {
		m.spec.Preproc.Resize = m.spec.ImageSize
	}
}
