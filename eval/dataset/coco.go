package dataset

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
)

type cocoFile struct {
	Images []struct {
		ID       int64  `json:"id"`
		FileName string `json:"file_name"`
		Width    int    `json:"width"`
		Height   int    `json:"height"`
	} `json:"images"`
	Annotations []cocoAnnotation `json:"annotations"`
	Categories  []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"categories"`
}

type cocoAnnotation struct {
	ID           int64           `json:"id"`
	ImageID      int64           `json:"image_id"`
	CategoryID   int64           `json:"category_id"`
	BBox         []float64       `json:"bbox"`
	Segmentation json.RawMessage `json:"segmentation"`
	IsCrowd      int             `json:"iscrowd"`
	Caption      *string         `json:"caption"`
}

// COCO reads a COCO annotation file (instances or captions; Lin et al., arXiv 1405.0312) over
// the images in a folder. Classes are the categories in order of id. Boxes come from bbox
// ([x, y, width, height]); an annotation with iscrowd is an Ignore box and [Void] in the mask.
// Segmentations (polygons, run lengths as a list or as pycocotools' string) are painted in order into
// one class mask: a pixel belongs to a polygon when its centre does, by the even-odd rule, so borders can
// differ by one pixel from pycocotools. A sample's label is the class that all its boxes share. Further files, such
// as the captions of the same images, add their annotations and the images that the first has not.
func COCO(images, annotations string, further ...string) (*Dataset, error) {
	d := &Dataset{Name: stem(filepath.Base(annotations))}
	r := cocoReader{d: d, class: map[int64]int{}, byImage: map[int64]*cocoImage{}}
	for _, path := range append([]string{annotations}, further...) {
		if err := r.file(path, images); err != nil {
			return nil, err
		}
	}
	for _, im := range r.order {
		im.finish()
		d.Samples = append(d.Samples, im.s)
	}
	return d, d.orEmpty(annotations)
}

// file adds one annotation file.
func (r *cocoReader) file(path, images string) error {
	var f cocoFile
	if err := readJSON(path, &f); err != nil {
		return err
	}
	first := r.path == ""
	r.path = path
	if first || len(r.class) == 0 {
		r.categories(&f)
	}
	r.images(&f, images, first)
	for i := range f.Annotations {
		if err := r.annotation(&f.Annotations[i]); err != nil {
			r.d.Problems = append(r.d.Problems, err)
		}
	}
	return nil
}

type cocoReader struct {
	d       *Dataset
	path    string
	class   map[int64]int
	byImage map[int64]*cocoImage
	order   []*cocoImage
}

type cocoImage struct {
	s      *Sample
	w, h   int
	path   string
	shapes []shape
}

// shape is one segmentation, kept small until a mask is asked for.
type shape struct {
	value uint16
	polys [][]float64
	runs  []uint32
	what  string
}

func (r *cocoReader) categories(f *cocoFile) {
	slices.SortStableFunc(f.Categories, func(a, b struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}) int {
		return int(min(max(a.ID-b.ID, -1), 1))
	})
	for _, c := range f.Categories {
		if _, twice := r.class[c.ID]; twice {
			r.d.Problems = append(r.d.Problems, fmt.Errorf("%s: category id %d occurs twice", r.path, c.ID))
			continue
		}
		r.class[c.ID] = len(r.d.Classes)
		r.d.Classes = append(r.d.Classes, c.Name)
	}
}

func (r *cocoReader) images(f *cocoFile, folder string, first bool) {
	for _, im := range f.Images {
		if known := r.byImage[im.ID]; known != nil && !first && known.s.ID == im.FileName {
			continue
		}
		err := checkSize(im.Width, im.Height)
		if err == nil && !filepath.IsLocal(filepath.FromSlash(im.FileName)) {
			err = fmt.Errorf("file_name %q leads out of the image folder", im.FileName)
		}
		if err == nil && r.byImage[im.ID] != nil {
			err = fmt.Errorf("id occurs twice")
		}
		if err != nil {
			r.d.Problems = append(r.d.Problems, fmt.Errorf("%s: image %d: %w", r.path, im.ID, err))
			continue
		}
		s := fileSample(folder, filepath.Join(folder, filepath.FromSlash(im.FileName)))
		s.check = sizeDeclared(r.path+": image "+strconv.FormatInt(im.ID, 10), im.Width, im.Height)
		entry := &cocoImage{s: s, w: im.Width, h: im.Height, path: r.path}
		r.byImage[im.ID] = entry
		r.order = append(r.order, entry)
	}
}

func (r *cocoReader) annotation(a *cocoAnnotation) error {
	what := fmt.Sprintf("%s: annotation %d", r.path, a.ID)
	im := r.byImage[a.ImageID]
	if im == nil {
		return fmt.Errorf("%s: image %d is not in the file", what, a.ImageID)
	}
	if a.Caption != nil {
		im.s.Captions = append(im.s.Captions, *a.Caption)
		return nil
	}
	class, ok := r.class[a.CategoryID]
	if !ok {
		return fmt.Errorf("%s: category %d is not in the file", what, a.CategoryID)
	}
	if a.BBox != nil {
		if len(a.BBox) != 4 {
			return fmt.Errorf("%s: bbox has %d numbers", what, len(a.BBox))
		}
		x, y, w, h := a.BBox[0], a.BBox[1], a.BBox[2], a.BBox[3]
		b := Box{X0: x, Y0: y, X1: x + w, Y1: y + h}.Clip(float64(im.w), float64(im.h))
		if !(b.Area() > 0) {
			return fmt.Errorf("%s: bbox %v is empty or outside the %d×%d image", what, a.BBox, im.w, im.h)
		}
		b.Class, b.Ignore = class, a.IsCrowd != 0
		im.s.Boxes = append(im.s.Boxes, b)
	}
	return im.segmentation(what, a, class)
}

// segmentation checks and keeps one shape.
func (im *cocoImage) segmentation(what string, a *cocoAnnotation, class int) error {
	if len(a.Segmentation) == 0 || string(a.Segmentation) == "null" || string(a.Segmentation) == "[]" {
		return nil
	}
	sh := shape{value: uint16(class + 1), what: what}
	if a.IsCrowd != 0 {
		sh.value = Void
	}
	var err error
	if a.Segmentation[0] == '[' {
		sh.polys, err = parsePolygons(a.Segmentation)
	} else {
		sh.runs, err = parseRuns(a.Segmentation, im.w, im.h)
	}
	if err != nil {
		return fmt.Errorf("%s: segmentation: %w", what, err)
	}
	im.shapes = append(im.shapes, sh)
	return nil
}

func (im *cocoImage) finish() {
	im.s.Label = commonClass(im.s.Boxes)
	if len(im.shapes) == 0 {
		return
	}
	shapes := im.shapes
	im.s.readMask = func(w, h int) (*Mask, error) {
		m := NewMask(w, h)
		for _, sh := range shapes {
			if sh.runs != nil {
				m.paintRuns(sh.runs, sh.value)
			}
			m.paintPolygons(sh.polys, sh.value)
		}
		return m, nil
	}
}
