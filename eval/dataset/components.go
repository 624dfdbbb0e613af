package dataset

// Boxes returns the bounding box of every connected group of pixels of one class that has at least least
// pixels, in the order of their first pixel by rows. Pixels are connected to their eight neighbours.
func (m *Mask) Boxes(least int) []Box {
	seen := make([]bool, len(m.Pix))
	var boxes []Box
	var queue []int
	for i, v := range m.Pix {
		if seen[i] || v == Background || v == Void {
			continue
		}
		seen[i] = true
		queue = append(queue[:0], i)
		x0, y0, x1, y1 := m.Width, m.Height, 0, 0
		for k := 0; k < len(queue); k++ {
			x, y := queue[k]%m.Width, queue[k]/m.Width
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
			for ny := max(y-1, 0); ny <= min(y+1, m.Height-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, m.Width-1); nx++ {
					if n := ny*m.Width + nx; !seen[n] && m.Pix[n] == v {
						seen[n] = true
						queue = append(queue, n)
					}
				}
			}
		}
		if len(queue) >= least {
			boxes = append(boxes, Box{X0: float64(x0), Y0: float64(y0), X1: float64(x1 + 1), Y1: float64(y1 + 1), Class: int(v) - 1})
		}
	}
	return boxes
}
