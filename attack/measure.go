package attack

import (
	"fmt"
	"image"
	"image/color"
)

// Difference8 measures two 8-bit images in whole levels of 1/255, exactly.
type Difference8 struct {
	Linf int   // largest change of a value, levels
	L1   int64 // sum of changes, levels
	L2Sq int64 // sum of squared changes, levels²
	L0   int   // pixels in which any channel changed
}

// Measure8 compares the colours of two opaque 8-bit images of one size. Alpha other than 255 and colour
// models of more than 8 bits are errors: such a file is not what a judge can measure in levels.
func Measure8(a, b image.Image) (Difference8, error) {
	var d Difference8
	ra, rb := a.Bounds(), b.Bounds()
	if ra.Dx() != rb.Dx() || ra.Dy() != rb.Dy() {
		return d, fmt.Errorf("attack: images of %d×%d and %d×%d pixels (height×width) differ in size", ra.Dy(), ra.Dx(), rb.Dy(), rb.Dx())
	}
	for y := range ra.Dy() {
		for x := range ra.Dx() {
			p, err := rgb8(a.At(ra.Min.X+x, ra.Min.Y+y))
			if err != nil {
				return d, fmt.Errorf("attack: first image, row %d, column %d: %w", y, x, err)
			}
			q, err := rgb8(b.At(rb.Min.X+x, rb.Min.Y+y))
			if err != nil {
				return d, fmt.Errorf("attack: second image, row %d, column %d: %w", y, x, err)
			}
			d.add(p, q)
		}
	}
	return d, nil
}

func (d *Difference8) add(p, q [3]uint8) {
	changed := false
	for c := range p {
		k := abs(int(p[c]) - int(q[c]))
		d.Linf = max(d.Linf, k)
		d.L1 += int64(k)
		d.L2Sq += int64(k * k)
		changed = changed || k > 0
	}
	if changed {
		d.L0++
	}
}

// rgb8 returns the 8-bit channels of an opaque colour.
func rgb8(c color.Color) ([3]uint8, error) {
	r, g, b, a := c.RGBA()
	if a != 0xffff {
		return [3]uint8{}, fmt.Errorf("the pixel is not opaque (alpha %d of 65535)", a)
	}
	var out [3]uint8
	for i, v := range [3]uint32{r, g, b} {
		if v>>8 != v&0xff {
			return out, fmt.Errorf("the value %d of 65535 is no 8-bit level", v)
		}
		out[i] = uint8(v >> 8)
	}
	return out, nil
}
