package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// patchBall is the set of images that differ only inside one square of side×side pixels, somewhere or at
// a given corner.
type patchBall struct {
	clean   []float32
	mask    *Mask
	h, w    int
	side    int
	at      *Corner
	gain    []float64
	summed  []float64 // (h+1)×(w+1) integral of gain
	pointed Corner    // where the last Project or Sample put the square
}

// newPatchBall reads ε as the share of the image's area: the square's side is ⌊√(ε·h·w)⌋ pixels.
func newPatchBall(clean []float32, h, w int, eps Ratio, m *Mask, at *Corner) (*patchBall, error) {
	side := min(int(math.Sqrt(eps.Float()*float64(h*w))+1e-9), h, w)
	if side < 1 {
		return nil, fmt.Errorf("attack: %w: a patch of %s of %d×%d pixels has no pixel", ErrThreat, eps, h, w)
	}
	if at != nil && (at.Y < 0 || at.X < 0 || at.Y+side > h || at.X+side > w) {
		return nil, fmt.Errorf("attack: %w: a patch of side %d at row %d, column %d leaves the %d×%d image", ErrThreat, side, at.Y, at.X, h, w)
	}
	return &patchBall{clean: clean, mask: m, h: h, w: w, side: side, at: at,
		gain: make([]float64, h*w), summed: make([]float64, (h+1)*(w+1))}, nil
}

// Restrict implements Ball. A searched position leaves the gradient whole: any pixel may change.
func (b *patchBall) Restrict(g []float32) {
	restrict(g, b.mask)
	if b.at == nil {
		return
	}
	for i := range g {
		if !b.inside(i%(b.h*b.w), *b.at) {
			g[i] = 0
		}
	}
}

func (b *patchBall) inside(p int, at Corner) bool {
	y, x := p/b.w, p%b.w
	return y >= at.Y && y < at.Y+b.side && x >= at.X && x < at.X+b.side
}

// extent returns the rectangle of changed pixels; empty if none.
func (b *patchBall) extent(x []float32) (y0, x0, y1, x1 int) {
	y0, x0 = b.h, b.w
	for i, v := range x {
		if v != b.clean[i] {
			p := i % (b.h * b.w)
			y0, x0, y1, x1 = min(y0, p/b.w), min(x0, p%b.w), max(y1, p/b.w+1), max(x1, p%b.w+1)
		}
	}
	return y0, x0, y1, x1
}

func (b *patchBall) Contains(x []float32) bool {
	if len(x) != len(b.clean) || !allowed(x, b.clean, b.mask) {
		return false
	}
	y0, x0, y1, x1 := b.extent(x)
	if y1 == 0 {
		return true
	}
	if b.at != nil {
		return y0 >= b.at.Y && x0 >= b.at.X && y1 <= b.at.Y+b.side && x1 <= b.at.X+b.side
	}
	return y1-y0 <= b.side && x1-x0 <= b.side
}

// Size returns the area of the smallest square around the change, as a share of the image's.
func (b *patchBall) Size(x []float32) float64 {
	y0, x0, y1, x1 := b.extent(x)
	if y1 == 0 {
		return 0
	}
	s := float64(max(y1-y0, x1-x0))
	return s * s / float64(b.h*b.w)
}

// Project keeps the change inside the square where it saves the most distance, and clips it to [0,1].
func (b *patchBall) Project(x []float32) {
	if b.Contains(x) {
		return
	}
	clipInto(x, b.clean, b.mask, b.gain)
	b.keep(x, b.bestCorner())
}

// keep resets every pixel outside the square at a corner.
func (b *patchBall) keep(x []float32, at Corner) {
	b.pointed = at
	for i := range x {
		if !b.inside(i%(b.h*b.w), at) {
			x[i] = b.clean[i]
		}
	}
}

// bestCorner returns the corner whose square has the largest total gain.
func (b *patchBall) bestCorner() Corner {
	if b.at != nil {
		return *b.at
	}
	n := b.w + 1
	for y := range b.h {
		row := 0.0
		for x := range b.w {
			row += b.gain[y*b.w+x]
			b.summed[(y+1)*n+x+1] = b.summed[y*n+x+1] + row
		}
	}
	best, at := math.Inf(-1), Corner{}
	for y := 0; y+b.side <= b.h; y++ {
		for x := 0; x+b.side <= b.w; x++ {
			s := b.summed[(y+b.side)*n+x+b.side] - b.summed[y*n+x+b.side] - b.summed[(y+b.side)*n+x] + b.summed[y*n+x]
			if s > best {
				best, at = s, Corner{y, x}
			}
		}
	}
	return at
}

// Sample fills a square at a random place with random colours.
func (b *patchBall) Sample(x []float32, rng *rand.Rand) {
	at := Corner{rng.IntN(b.h - b.side + 1), rng.IntN(b.w - b.side + 1)}
	if b.at != nil {
		at = *b.at
	}
	b.pointed = at
	for i := range x {
		x[i] = b.clean[i]
		if b.inside(i%(b.h*b.w), at) && b.mask.allows(i) {
			x[i] = rng.Float32()
		}
	}
}
