package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// Select returns the samples for which keep is true, in order. Classes stay as they are, so labels of
// different selections agree.
func (d *Dataset) Select(keep func(i int, s *Sample) bool) *Dataset {
	out := &Dataset{Name: d.Name, Classes: d.Classes, Problems: d.Problems}
	for i, s := range d.Samples {
		if keep(i, s) {
			out.Samples = append(out.Samples, s)
		}
	}
	return out
}

// Numbered keeps the samples whose file stem ends in _N with lo ≤ N ≤ hi: NEU-DET's convention, where
// 1–240 are for training, 241–260 for development and 261–300 for test, per class.
func (d *Dataset) Numbered(lo, hi int) *Dataset {
	return d.Select(func(_ int, s *Sample) bool {
		n, ok := trailingNumber(s.ID)
		return ok && n >= lo && n <= hi
	})
}

func trailingNumber(id string) (int, bool) {
	base := stem(id)
	i := strings.LastIndexByte(base, '_')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.Atoi(base[i+1:])
	return n, err == nil
}

// EveryNth splits the samples in order: test holds those whose index within their class is a multiple
// of n counted from the n-th (n-1, 2n-1, …), rest the others. The magnetic-tile convention is n = 5.
func (d *Dataset) EveryNth(n int) (test, rest *Dataset) {
	if n < 1 {
		n = 1
	}
	inTest := make([]bool, len(d.Samples))
	seen := map[int]int{}
	for i, s := range d.Samples {
		seen[s.Label]++
		inTest[i] = seen[s.Label]%n == 0
	}
	test = d.Select(func(i int, _ *Sample) bool { return inTest[i] })
	rest = d.Select(func(i int, _ *Sample) bool { return !inTest[i] })
	return test, rest
}

// PerClass keeps the first n samples of every label.
func (d *Dataset) PerClass(n int) *Dataset {
	seen := map[int]int{}
	return d.Select(func(_ int, s *Sample) bool {
		seen[s.Label]++
		return seen[s.Label] <= n
	})
}

// Relabel gives the samples the classes of another list, matching by name through rename (a name that
// is not in rename stands for itself). A class that is in neither is an error.
func (d *Dataset) Relabel(classes []string, rename map[string]string) (*Dataset, error) {
	to := make([]int, len(d.Classes))
	out := &Dataset{Name: d.Name, Classes: classes, Problems: d.Problems}
	for i, name := range d.Classes {
		if r, ok := rename[name]; ok {
			name = r
		}
		if to[i] = out.ClassIndex(name); to[i] == NoLabel {
			return nil, fmt.Errorf("dataset %s: class %q is not among %q", d.Name, name, classes)
		}
	}
	for _, s := range d.Samples {
		out.Samples = append(out.Samples, s.relabelled(to))
	}
	return out, nil
}

// relabelled returns a description of s with every class index mapped.
func (s *Sample) relabelled(to []int) *Sample {
	c := *s
	if c.Label != NoLabel {
		c.Label = to[c.Label]
	}
	c.Boxes = append([]Box(nil), s.Boxes...)
	for i := range c.Boxes {
		c.Boxes[i].Class = to[c.Boxes[i].Class]
	}
	if read := s.readMask; read != nil {
		c.readMask = func(w, h int) (*Mask, error) {
			m, err := read(w, h)
			if err != nil {
				return nil, err
			}
			return m.mapped(to), nil
		}
	}
	return &c
}

func (m *Mask) mapped(to []int) *Mask {
	out := NewMask(m.Width, m.Height)
	for i, v := range m.Pix {
		if v != Background && v != Void && int(v) <= len(to) {
			v = uint16(to[v-1] + 1)
		}
		out.Pix[i] = v
	}
	return out
}
