package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// parsePolygons reads COCO's [[x0,y0,x1,y1,…],…].
func parsePolygons(raw []byte) ([][]float64, error) {
	var polys [][]float64
	if err := json.Unmarshal(raw, &polys); err != nil {
		return nil, err
	}
	for i, p := range polys {
		if len(p) < 6 || len(p)%2 != 0 {
			return nil, fmt.Errorf("polygon %d has %d numbers; at least three points are needed", i, len(p))
		}
		for _, v := range p {
			if math.IsNaN(v) || math.Abs(v) > 1e7 {
				return nil, fmt.Errorf("polygon %d has the coordinate %v", i, v)
			}
		}
	}
	return polys, nil
}

// parseRuns reads COCO's {"size":[h,w],"counts":list or string}: alternating lengths of runs of zeros
// and ones down the columns, which must add up to w·h.
func parseRuns(raw []byte, w, h int) ([]uint32, error) {
	var rle struct {
		Size   []int           `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(raw, &rle); err != nil {
		return nil, err
	}
	if len(rle.Size) != 2 || rle.Size[0] != h || rle.Size[1] != w {
		return nil, fmt.Errorf("size %v for an image of height %d and width %d", rle.Size, h, w)
	}
	var runs []uint32
	var err error
	if len(rle.Counts) > 0 && rle.Counts[0] == '"' {
		var s string
		if err = json.Unmarshal(rle.Counts, &s); err == nil {
			runs, err = unpackRuns(s)
		}
	} else {
		err = json.Unmarshal(rle.Counts, &runs)
	}
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	var total uint64
	for _, n := range runs {
		total += uint64(n)
	}
	if total != uint64(w)*uint64(h) {
		return nil, fmt.Errorf("run lengths add up to %d, the image has %d pixels", total, w*h)
	}
	return runs, nil
}

// unpackRuns decodes pycocotools' string: base-32 digits, least significant first, offset by 48, bit 5
// set when more follow, bit 4 of the last the sign; from the fourth number on, each is the difference
// to the one two before.
func unpackRuns(s string) ([]uint32, error) {
	var runs []uint32
	for at := 0; at < len(s); {
		var x int64
		for shift := 0; ; shift += 5 {
			if at >= len(s) || shift > 35 {
				return nil, errors.New("string ends inside a number")
			}
			c := int64(s[at]) - 48
			at++
			if c < 0 || c > 63 {
				return nil, fmt.Errorf("character %q is not of the run-length alphabet", s[at-1])
			}
			x |= (c & 0x1f) << shift
			if c&0x20 == 0 {
				if c&0x10 != 0 {
					x |= -1 << (shift + 5)
				}
				break
			}
		}
		if n := len(runs); n > 2 {
			x += int64(runs[n-2])
		}
		if x < 0 || x > math.MaxUint32 {
			return nil, fmt.Errorf("run of length %d", x)
		}
		runs = append(runs, uint32(x))
	}
	return runs, nil
}

// PaintRuns gives value to the pixels of COCO's run lengths, {"size":[h,w],"counts":list or string}, whose size
// must be the mask's.
func (m *Mask) PaintRuns(raw []byte, value uint16) error {
	runs, err := parseRuns(raw, m.Width, m.Height)
	if err == nil {
		m.paintRuns(runs, value)
	}
	return err
}

// paintRuns gives value to the pixels in the odd runs, counted down the columns.
func (m *Mask) paintRuns(runs []uint32, value uint16) {
	at := 0
	for i, n := range runs {
		end := min(at+int(n), len(m.Pix))
		if i%2 == 1 {
			for k := at; k < end; k++ {
				m.Pix[k%m.Height*m.Width+k/m.Height] = value
			}
		}
		at = end
	}
}

// paintPolygons gives value to the pixels whose centre lies inside an odd number of the polygons' edges
// to its left.
func (m *Mask) paintPolygons(polys [][]float64, value uint16) {
	var cuts []float64
	for y := range m.Height {
		cy := float64(y) + 0.5
		cuts = cuts[:0]
		for _, p := range polys {
			cuts = crossings(cuts, p, cy)
		}
		slices.Sort(cuts)
		for i := 0; i+1 < len(cuts); i += 2 {
			x0 := max(0, int(math.Ceil(max(cuts[i]-0.5, -1))))
			x1 := min(m.Width, int(math.Ceil(min(cuts[i+1]-0.5, float64(m.Width)))))
			for x := x0; x < x1; x++ {
				m.Pix[y*m.Width+x] = value
			}
		}
	}
}

// crossings appends where the outline of p crosses the horizontal line at y.
func crossings(cuts []float64, p []float64, y float64) []float64 {
	n := len(p) / 2
	for i := range n {
		j := (i + 1) % n
		x0, y0, x1, y1 := p[2*i], p[2*i+1], p[2*j], p[2*j+1]
		if (y0 <= y) != (y1 <= y) {
			cuts = append(cuts, x0+(y-y0)/(y1-y0)*(x1-x0))
		}
	}
	return cuts
}
