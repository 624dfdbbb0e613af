package dataset

import (
	"fmt"
	"image"
	"path/filepath"
	"strings"
)

// Pairs reads image+mask pairs in class folders, the layout of the magnetic-tile data: for every
// root/CLASS/name.jpg (or .jpeg, .bmp, .webp) a root/CLASS/name.png of the same size. Its pixels of value 128
// or more belong to the defect and get 1 + the class index. An image without a mask file is a problem unless
// its class is named in clean, in which case it has none to give. When a sample is loaded, every connected
// group of at least 16 mask pixels becomes a box.
func Pairs(root string, clean ...string) (*Dataset, error) {
	all, err := Folder(root)
	if err != nil {
		return nil, err
	}
	masks := map[string]bool{}
	for _, s := range all.Samples {
		if strings.EqualFold(filepath.Ext(s.Path), ".png") {
			masks[stem(s.Path)] = true
		}
	}
	d := &Dataset{Name: all.Name, Classes: all.Classes, Problems: all.Problems}
	isClean := map[string]bool{}
	for _, c := range clean {
		isClean[c] = true
	}
	for _, s := range all.Samples {
		if strings.EqualFold(filepath.Ext(s.Path), ".png") {
			continue
		}
		free := isClean[d.Classes[s.Label]]
		switch {
		case masks[stem(s.Path)]:
			s.readMask, s.boxesFrom = pairedMask(stem(s.Path)+".png", s.Label), leastGroup
		case !free:
			d.Problems = append(d.Problems, fmt.Errorf("%s: no mask %s.png beside it", s.Path, filepath.Base(stem(s.Path))))
			continue
		}
		d.Samples = append(d.Samples, s)
	}
	return d, d.orEmpty(root)
}

// leastGroup is the fewest connected mask pixels that count as a defect of their own.
const leastGroup = 16

func stem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }

func pairedMask(path string, class int) func(w, h int) (*Mask, error) {
	return func(w, h int) (*Mask, error) {
		p, err := ReadImage(path)
		if err != nil {
			return nil, err
		}
		return maskOf(path, p, class, w, h)
	}
}

// maskOf marks the pixels whose red, green or blue is at least 128 as class.
func maskOf(path string, p *image.NRGBA, class, w, h int) (*Mask, error) {
	if p.Rect.Dx() != w || p.Rect.Dy() != h {
		return nil, fmt.Errorf("%s: mask is %d×%d, its image %d×%d", path, p.Rect.Dx(), p.Rect.Dy(), w, h)
	}
	m := NewMask(w, h)
	for i := range m.Pix {
		if q := p.Pix[4*i : 4*i+3]; max(q[0], q[1], q[2]) >= 128 {
			m.Pix[i] = uint16(class + 1)
		}
	}
	return m, nil
}
