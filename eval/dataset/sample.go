package dataset

import (
	"image"

	"gorgonia.org/tensor"
)

// NoLabel is the Label of a sample without an image-level class.
const NoLabel = -1

// Sample is one image with what is known about it. Readers fill the description; [Dataset.Load] fills
// Image, Pixels, Hash, Width, Height and Mask.
type Sample struct {
	ID   string // unique within the dataset; slash-separated path without the root, or a record's id
	Path string // file read; empty for generated images

	Label    int        // index into Dataset.Classes, or NoLabel
	Boxes    []Box      // objects or defects
	Captions []string   // reference captions
	QA       []Question // questions about the image

	Width, Height int           // pixels, after EXIF orientation
	Image         *tensor.Dense // 3×H×W float32 RGB in [0,1], exactly Pixels/255
	Pixels        *image.NRGBA  // the same pixels in 8 bits, alpha 255
	Hash          string        // SHA-256 of the size and the 8-bit RGB pixels, hexadecimal
	Mask          *Mask         // class of every pixel, nil if the data has none

	read      func() (*image.NRGBA, error)  // decodes or generates the pixels
	readMask  func(w, h int) (*Mask, error) // nil if there is no mask
	check     func(width, height int) error // compares with the declared size; may be nil
	boxesFrom int                           // fewest pixels of a group in the mask that gets a box; 0: boxes are as given
}

// Box is an object's rectangle in continuous pixel edges, X0 < X1 and Y0 < Y1.
type Box struct {
	X0, Y0, X1, Y1 float64
	Class          int  // index into Dataset.Classes
	Ignore         bool // difficult (VOC) or crowd (COCO): neither a hit nor a miss
}

// Area is the box's area in square pixels, zero for an empty box.
func (b Box) Area() float64 {
	return max(0, b.X1-b.X0) * max(0, b.Y1-b.Y0)
}

// IoU is the intersection of a and b over their union, 0 if the union is empty.
func IoU(a, b Box) float64 {
	inter := Box{X0: max(a.X0, b.X0), Y0: max(a.Y0, b.Y0), X1: min(a.X1, b.X1), Y1: min(a.Y1, b.Y1)}.Area()
	if union := a.Area() + b.Area() - inter; union > 0 {
		return inter / union
	}
	return 0
}

// Clip returns b cut to a width×height image.
func (b Box) Clip(width, height float64) Box {
	b.X0, b.X1 = min(max(b.X0, 0), width), min(max(b.X1, 0), width)
	b.Y0, b.Y1 = min(max(b.Y0, 0), height), min(max(b.Y1, 0), height)
	return b
}

// Question is a question about an image with its reference answers (VQA v2 has ten, from ten people).
type Question struct {
	ID      string
	Text    string
	Answers []string
}

// Background and Void are the reserved values of a [Mask].
const (
	Background = 0      // no class
	Void       = 0xffff // not annotated: left out of every metric
)

// Mask gives every pixel 1 + its class index, [Background], or [Void].
type Mask struct {
	Width, Height int
	Pix           []uint16 // row-major, Width*Height
}

// NewMask returns a mask that is all background.
func NewMask(width, height int) *Mask {
	return &Mask{Width: width, Height: height, Pix: make([]uint16, width*height)}
}

// Bounds returns the smallest box around the pixels of the given class, and false if there are none.
func (m *Mask) Bounds(class int) (Box, bool) {
	want := uint16(class + 1)
	x0, y0, x1, y1 := m.Width, m.Height, -1, -1
	for y := range m.Height {
		for x, v := range m.Pix[y*m.Width : (y+1)*m.Width] {
			if v == want {
				x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
			}
		}
	}
	if x1 < 0 {
		return Box{}, false
	}
	return Box{X0: float64(x0), Y0: float64(y0), X1: float64(x1 + 1), Y1: float64(y1 + 1), Class: class}, true
}
