package encoder

// Region is the rectangle of a source of h×w pixels that the network input shows, in continuous source pixels:
// network pixel edge v (from 0 to the input height) lies at source row top + v/height·(bottom−top), columns
// alike. Parts outside the source are padding. h and w must be positive and p valid.
func (p Preprocess) Region(h, w int) (top, left, bottom, right float64) {
	rh, rw := p.resized(h, w)
	ch, cw, y, x := rh, rw, 0, 0
	if p.Crop[0] != 0 {
		ch, cw = p.Crop[0], p.Crop[1]
		y, x = p.cropStart(rh, ch), p.cropStart(rw, cw)
	}
	sy, sx := float64(h)/float64(rh), float64(w)/float64(rw)
	return float64(y) * sy, float64(x) * sx, float64(y+ch) * sy, float64(x+cw) * sx
}
