package dataset

import (
	"fmt"
	"image"
	"path/filepath"
	"slices"
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
	masks := map[string]string{} // stem → file, whatever the case of its extension
	for _, s := range all.Samples {
		if isPNG(s.Path) {
			masks[stem(s.Path)] = s.Path
		}
	}
	return all.paired(root, clean, func(s *Sample) (mask string, image bool) {
		return masks[stem(s.Path)], !isPNG(s.Path)
	})
}

func isPNG(path string) bool { return strings.EqualFold(filepath.Ext(path), ".png") }

// paired keeps the samples that are images and gives each its mask; maskOf returns "" where there is none.
func (d *Dataset) paired(root string, clean []string, maskOf func(*Sample) (mask string, image bool)) (*Dataset, error) {
	out := &Dataset{Name: d.Name, Classes: d.Classes, Problems: d.Problems}
	for _, s := range d.Samples {
		mask, image := maskOf(s)
		switch {
		case !image:
			continue
		case mask != "":
			s.readMask, s.boxesFrom = pairedMask(mask, s.Label), leastGroup
		case !slices.Contains(clean, d.Classes[s.Label]):
			out.Problems = append(out.Problems, fmt.Errorf("%s: no mask for it was found", s.Path))
			continue
		}
		out.Samples = append(out.Samples, s)
	}
	return out, out.orEmpty(root)
}

// MVTec reads the test images of one object of MVTec AD (Bergmann et al., Int. J. of Computer Vision 129, 2021) and
// of data laid out like it: root/test/CLASS/NAME.png with a mask root/ground_truth/CLASS/NAME_mask.png (or NAME with
// any image extension) of the same size, whose pixels of 128 or more are defective. Class good has no masks.
func MVTec(root string) (*Dataset, error) {
	d, err := Folder(filepath.Join(root, "test"))
	if err != nil {
		return nil, err
	}
	d.Name = filepath.Base(root)
	truth := filepath.Join(root, "ground_truth")
	files, problems := imagesUnder(truth)
	d.Problems = append(d.Problems, problems...)
	masks := map[string]string{}
	for _, f := range files {
		if name, err := filepath.Rel(truth, f); err == nil {
			masks[strings.TrimSuffix(stem(name), "_mask")] = f
		}
	}
	return d.paired(root, []string{"good"}, func(s *Sample) (string, bool) {
		return masks[stem(filepath.FromSlash(s.ID))], true
	})
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
