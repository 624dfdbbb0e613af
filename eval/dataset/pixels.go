package dataset

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// toNRGBA converts a decoded image to 8-bit RGB with alpha 255, keeping the colour under a transparent
// pixel.
func toNRGBA(m image.Image) (*image.NRGBA, error) {
	b := m.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch m := m.(type) {
	case *image.Paletted:
		if err := fromPaletted(out, m); err != nil {
			return nil, err
		}
	case *image.NRGBA:
		fromNRGBA(out, m)
	case *image.Gray16:
		each(out, func(x, y int) (r, g, b uint8) {
			v := to8(m.Gray16At(x+m.Rect.Min.X, y+m.Rect.Min.Y).Y)
			return v, v, v
		})
	case *image.NRGBA64:
		each(out, func(x, y int) (r, g, b uint8) {
			c := m.NRGBA64At(x+m.Rect.Min.X, y+m.Rect.Min.Y)
			return to8(c.R), to8(c.G), to8(c.B)
		})
	case *image.RGBA64: // opaque 16-bit PNG
		each(out, func(x, y int) (r, g, b uint8) {
			c := color.NRGBA64Model.Convert(m.RGBA64At(x+m.Rect.Min.X, y+m.Rect.Min.Y)).(color.NRGBA64)
			return to8(c.R), to8(c.G), to8(c.B)
		})
	default:
		draw.Draw(out, out.Rect, m, b.Min, draw.Src)
	}
	for i := 3; i < len(out.Pix); i += 4 {
		out.Pix[i] = 255
	}
	return out, nil
}

// to8 rounds a 16-bit sample to the nearest 8-bit one: v·255/65535.
func to8(v uint16) uint8 { return uint8((uint32(v)*255 + 32767) / 65535) }

func each(out *image.NRGBA, at func(x, y int) (r, g, b uint8)) {
	for y := range out.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range out.Rect.Dx() {
			row[4*x], row[4*x+1], row[4*x+2] = at(x, y)
		}
	}
}

func fromNRGBA(out, m *image.NRGBA) {
	for y := range out.Rect.Dy() {
		copy(out.Pix[y*out.Stride:(y+1)*out.Stride], m.Pix[y*m.Stride:])
	}
}

func fromPaletted(out *image.NRGBA, m *image.Paletted) error {
	var table [256][3]uint8
	for i, c := range m.Palette[:min(256, len(m.Palette))] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	for y := range out.Rect.Dy() {
		src, dst := m.Pix[y*m.Stride:], out.Pix[y*out.Stride:]
		for x := range out.Rect.Dx() {
			v := int(src[x])
			if v >= len(m.Palette) {
				return fmt.Errorf("pixel (%d,%d) has palette index %d of a palette of %d colours", x, y, v, len(m.Palette))
			}
			copy(dst[4*x:4*x+3], table[v][:])
		}
	}
	return nil
}
