package attack

import "fmt"

// Mask says which pixels of an H×W image an attacker may change; row-major.
type Mask struct {
	H, W  int
	Allow []bool
}

// NewMask returns a mask of h×w pixels that allows nothing.
func NewMask(h, w int) (*Mask, error) {
	if h < 1 || w < 1 || h > 1<<15 || w > 1<<15 {
		return nil, fmt.Errorf("attack: a mask of %d×%d pixels", h, w)
	}
	return &Mask{h, w, make([]bool, h*w)}, nil
}

// AllowRect allows the pixels with y0 ≤ row < y1 and x0 ≤ column < x1, clipped to the image.
func (m *Mask) AllowRect(y0, x0, y1, x1 int) {
	for y := max(y0, 0); y < min(y1, m.H); y++ {
		for x := max(x0, 0); x < min(x1, m.W); x++ {
			m.Allow[y*m.W+x] = true
		}
	}
}

// allows reports whether value i of a planar 3×H×W image may change.
func (m *Mask) allows(i int) bool { return m == nil || m.Allow[i%(m.H*m.W)] }
