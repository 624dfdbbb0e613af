package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Spread makes a mask of a source image from scores on the layout's cells (cells×values): bilinear between the
// cells' centres, then the value of the largest score at every pixel, ties to the lower. Pixels that the network
// does not see are background.
func (l Layout) Spread(scores Activation, width, height int) (*dataset.Mask, error) {
	if err := l.validate("layout"); err != nil {
		return nil, err
	}
	if len(scores.Shape) != 2 || scores.Shape[0] != l.Rows*l.Cols || len(scores.Data) != scores.Shape[0]*scores.Shape[1] {
		return nil, fmt.Errorf("scores of shape %v for %d×%d cells", scores.Shape, l.Rows, l.Cols)
	}
	p, err := l.over("layout", width, height)
	if err != nil {
		return nil, err
	}
	return p.maskFrom(scores), nil
}

// maskFrom spreads scores on the patch grid (patches×values) over the source image: bilinear between the
// patches' centres, then the largest score at every pixel, ties to the lower value. Pixels that the network
// does not see are background.
func (p placed) maskFrom(scores Activation) *dataset.Mask {
	m := dataset.NewMask(p.width, p.height)
	top, left := p.top, p.left
	bottom, right := top+float64(p.Rows)*p.cellH, left+float64(p.Cols)*p.cellW
	columns := make([]between, p.width)
	for x := range columns {
		columns[x] = interpolate((float64(x)+0.5-left)/p.cellW-0.5, p.Cols)
	}
	values := scores.Shape[1]
	for y := range p.height {
		cy := float64(y) + 0.5
		if cy < top || cy > bottom {
			continue
		}
		row := interpolate((cy-top)/p.cellH-0.5, p.Rows)
		for x, col := range columns {
			if cx := float64(x) + 0.5; cx < left || cx > right {
				continue
			}
			a, b := scores.Row(row.lo*p.Cols+col.lo), scores.Row(row.lo*p.Cols+col.hi)
			c, d := scores.Row(row.hi*p.Cols+col.lo), scores.Row(row.hi*p.Cols+col.hi)
			best, at := float32(math.Inf(-1)), 0
			for k := range values {
				upper, lower := a[k]+col.t*(b[k]-a[k]), c[k]+col.t*(d[k]-c[k])
				if v := upper + row.t*(lower-upper); v > best {
					best, at = v, k
				}
			}
			m.Pix[y*p.width+x] = uint16(at)
		}
	}
	return m
}

// between are two neighbouring cells and how far one is from the first.
type between struct {
	lo, hi int
	t      float32
}

func interpolate(at float64, n int) between {
	at = min(max(at, 0), float64(n-1))
	lo := int(at)
	return between{lo, min(lo+1, n-1), float32(at - float64(lo))}
}

// shares is, for every patch, how much of its annotated pixels have each mask value 0..values-1; all zero where
// nothing is annotated.
func (p placed) shares(m *dataset.Mask, values int) [][]float32 {
	out := make([][]float32, 0, p.Rows*p.Cols)
	for r := range p.Rows {
		for c := range p.Cols {
			share := make([]float32, values)
			var n float32
			x0, y0, x1, y1 := p.pixels(r, c)
			for y := y0; y < y1; y++ {
				for _, v := range m.Pix[y*m.Width+x0 : y*m.Width+x1] {
					if int(v) < values {
						share[v]++
						n++
					}
				}
			}
			for k := range share {
				if n > 0 {
					share[k] /= n
				}
			}
			out = append(out, share)
		}
	}
	return out
}

// patchShares gives the shares of every image, whose masks must be there.
func patchShares(head string, layout Layout, feats []Features, values int) ([][][]float32, error) {
	out := make([][][]float32, len(feats))
	for i := range feats {
		s := feats[i].Sample
		p, err := layout.over(head, s.Width, s.Height)
		if err != nil {
			return nil, err
		}
		m := s.Mask
		if m == nil {
			m = dataset.NewMask(s.Width, s.Height) // an image without annotation shows background only
		}
		out[i] = p.shares(m, values)
	}
	return out, nil
}
