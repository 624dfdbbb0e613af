// Package corrupt degrades images in ways no attacker chose: the nineteen corruptions of ImageNet-C
// (Hendrycks & Dietterich, arXiv 1903.12261) and a set that meets visual inspection, each at five
// severities.
//
// Parameters are ImageNet-C's, stated there for images of 224 pixels; lengths in pixels scale with the
// shorter side, so that a severity means the same at every size. Random numbers are keyed by (seed,
// image content, corruption, severity). Results are rounded to 8 bits. Where the original blends in
// photographs (frost) or calls ImageMagick (motion) ours are computed, and differ in texture.
//
// Importing the package makes the attack "corrupt" known to expressions: corrupt(name=frost,severity=4).
package corrupt

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gorgonia.org/tensor"
)

// Group says where a corruption comes from.
type Group string

// The groups.
const (
	ImageNetC  Group = "imagenet-c"
	Inspection Group = "inspection"
)

// Corruption is a way to degrade an image.
type Corruption struct {
	Name  string
	Group Group
	Doc   string
	apply func(p *picture, severity int, rng *rand.Rand) // severity 0 to 4
}

var registry []Corruption

// register adds a corruption; each file adds its own.
func register(g Group, name, doc string, apply func(p *picture, severity int, rng *rand.Rand)) struct{} {
	registry = append(registry, Corruption{name, g, doc, apply})
	return struct{}{}
}

// List returns all corruptions sorted by group and name.
func List() []Corruption {
	list := slices.Clone(registry)
	slices.SortFunc(list, func(a, b Corruption) int {
		if a.Group != b.Group {
			return strings.Compare(string(a.Group), string(b.Group))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// Find returns the corruption of a name.
func Find(name string) (Corruption, error) {
	c := find(name)
	if c.apply != nil {
		return c, nil
	}
	var known []string
	for _, c := range List() {
		known = append(known, c.Name)
	}
	return Corruption{}, fmt.Errorf("corrupt: unknown corruption %q; known: %s", name, strings.Join(known, ", "))
}

// find is Find with the zero value for a name that nothing has.
func find(name string) Corruption {
	for _, c := range registry {
		if c.Name == name {
			return c
		}
	}
	return Corruption{}
}

// Apply returns img (3×H×W float32 in [0,1]) degraded at severity 1 to 5, every value float32(k/255).
func (c Corruption) Apply(img *tensor.Dense, severity int, seed uint64) (*tensor.Dense, error) {
	if c.apply == nil {
		return nil, fmt.Errorf("corrupt: %q is no registered corruption", c.Name)
	}
	if severity < 1 || severity > 5 {
		return nil, fmt.Errorf("corrupt: %s: severity %d; want 1 to 5", c.Name, severity)
	}
	p, err := newPicture(img)
	if err != nil {
		return nil, fmt.Errorf("corrupt: %s: %w", c.Name, err)
	}
	c.apply(p, severity-1, p.stream(seed, c.Name, severity))
	return p.image()
}

// picture is an image while it is worked on: three float64 planes.
type picture struct {
	h, w int
	c    [3][]float64
	key  [sha256.Size]byte // of the source
}

func newPicture(img *tensor.Dense) (*picture, error) {
	if img == nil {
		return nil, fmt.Errorf("the image is missing")
	}
	s := img.Shape()
	if len(s) != 3 || s[0] != 3 || s[1] < 1 || s[2] < 1 || img.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("the image is %v %v; want 3×H×W float32", img.Dtype(), s)
	}
	p := &picture{h: s[1], w: s[2]}
	x, hash := img.Float32s(), sha256.New()
	var b [4]byte
	for c := range p.c {
		p.c[c] = make([]float64, p.h*p.w)
		for i := range p.c[c] {
			v := x[c*p.h*p.w+i]
			if !(v >= 0 && v <= 1) {
				return nil, fmt.Errorf("channel %d at row %d, column %d is %v; pixels are in [0,1]", c, i/p.w, i%p.w, v)
			}
			p.c[c][i] = float64(v)
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
			hash.Write(b[:])
		}
	}
	hash.Sum(p.key[:0])
	return p, nil
}

// stream returns the random numbers of one corruption of this image.
func (p *picture) stream(seed uint64, name string, severity int) *rand.Rand {
	key := binary.LittleEndian.AppendUint64(p.key[:], seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(severity)<<32|uint64(p.w))
	sum := sha256.Sum256(append(key, name...))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
}

// scale is how many pixels a length of one pixel in ImageNet-C is here.
func (p *picture) scale() float64 { return float64(min(p.h, p.w)) / 224 }

// each replaces every value.
func (p *picture) each(f func(v float64) float64) {
	for _, plane := range p.c {
		for i, v := range plane {
			plane[i] = f(v)
		}
	}
}

// image clips, rounds to 8 bits and returns the result.
func (p *picture) image() (*tensor.Dense, error) {
	out := make([]float32, 0, 3*p.h*p.w)
	for _, plane := range p.c {
		for _, v := range plane {
			if math.IsNaN(v) {
				return nil, fmt.Errorf("corrupt: a value is not a number")
			}
			out = append(out, float32(math.RoundToEven(min(max(v, 0), 1)*255)/255))
		}
	}
	return tensor.New(tensor.WithShape(3, p.h, p.w), tensor.WithBacking(out)), nil
}
