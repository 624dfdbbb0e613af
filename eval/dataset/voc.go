package dataset

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type vocAnnotation struct {
	Filename string `xml:"filename"`
	Size     struct {
		Width  int `xml:"width"`
		Height int `xml:"height"`
	} `xml:"size"`
	Objects []vocObject `xml:"object"`
}

type vocObject struct {
	Name      string `xml:"name"`
	Difficult int    `xml:"difficult"`
	Box       struct {
		XMin float64 `xml:"xmin"`
		YMin float64 `xml:"ymin"`
		XMax float64 `xml:"xmax"`
		YMax float64 `xml:"ymax"`
	} `xml:"bndbox"`
}

// VOC reads Pascal VOC annotations: one XML file per image in annotations, with the image's name in <filename>
// (a file of the same stem in images is accepted when that is missing). Pixel indices are 1-based and inclusive
// in VOC, so the box read is {xmin-1, ymin-1, xmax, ymax} cut to the image, whose <size> may be left out. A sample's label is the class that
// all of its boxes share, NoLabel when they differ. Classes are sorted by name. XML is read without entities or
// external references.
func VOC(images, annotations string) (*Dataset, error) {
	entries, err := os.ReadDir(annotations)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: filepath.Base(images)}
	type parsed struct {
		path string
		ann  *vocAnnotation
	}
	var files []parsed
	names := map[string]bool{}
	for _, e := range entries {
		if e.IsDir() || !strings.EqualFold(filepath.Ext(e.Name()), ".xml") {
			continue
		}
		path := filepath.Join(annotations, e.Name())
		ann, err := readVOC(path)
		if err != nil {
			d.Problems = append(d.Problems, err)
			continue
		}
		files = append(files, parsed{path, ann})
		for _, o := range ann.Objects {
			names[o.Name] = true
		}
	}
	for n := range names {
		d.Classes = append(d.Classes, n)
	}
	slices.Sort(d.Classes)
	for _, f := range files {
		s, err := d.vocSample(images, f.path, f.ann)
		if err != nil {
			d.Problems = append(d.Problems, err)
			continue
		}
		d.Samples = append(d.Samples, s)
	}
	return d, d.orEmpty(annotations)
}

func readVOC(path string) (*vocAnnotation, error) {
	data, err := readFile(path, 16<<20)
	if err != nil {
		return nil, err
	}
	var a vocAnnotation
	dec := xml.NewDecoder(bytes.NewReader(data)) // encoding/xml resolves no entities beyond the five of XML
	dec.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("encoding %q is not supported, use UTF-8", label)
	}
	if err := dec.Decode(&a); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w, h := a.Size.Width, a.Size.Height; w != 0 || h != 0 { // some tools leave it out
		if err := checkSize(w, h); err != nil {
			return nil, fmt.Errorf("%s: <size>: %w", path, err)
		}
	}
	return &a, nil
}

func (d *Dataset) vocSample(images, path string, a *vocAnnotation) (*Sample, error) {
	file, err := vocImage(images, path, a.Filename)
	if err != nil {
		return nil, err
	}
	s := fileSample(images, file)
	w, h := a.Size.Width, a.Size.Height
	if w == 0 {
		if w, h, err = sizeOf(file); err != nil {
			return nil, err
		}
	}
	for i, o := range a.Objects {
		b := Box{X0: o.Box.XMin - 1, Y0: o.Box.YMin - 1, X1: o.Box.XMax, Y1: o.Box.YMax}.Clip(float64(w), float64(h))
		if !(b.Area() > 0) {
			return nil, fmt.Errorf("%s: object %d (%s) has an empty box or one outside the %d×%d image", path, i, o.Name, w, h)
		}
		b.Class, b.Ignore = d.ClassIndex(o.Name), o.Difficult != 0
		s.Boxes = append(s.Boxes, b)
	}
	s.Label = commonClass(s.Boxes)
	s.check = sizeDeclared(path, w, h)
	return s, nil
}

// vocImage finds the image of an annotation inside the folder images.
func vocImage(images, path, filename string) (string, error) {
	candidates := []string{}
	if filename != "" && filepath.Base(filename) == filename {
		candidates = append(candidates, filename)
	}
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	for _, ext := range imageExtensions {
		candidates = append(candidates, base+ext)
	}
	for _, c := range candidates {
		file := filepath.Join(images, c)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && isImage(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: image %q not found in %s", path, candidates[0], images)
}

// commonClass is the class of all boxes, or NoLabel.
func commonClass(boxes []Box) int {
	label := NoLabel
	for i, b := range boxes {
		if i > 0 && b.Class != label {
			return NoLabel
		}
		label = b.Class
	}
	return label
}

func sizeDeclared(path string, w, h int) func(int, int) error {
	return func(gotW, gotH int) error {
		if gotW != w || gotH != h {
			return fmt.Errorf("%s: says the image is %d×%d, it is %d×%d", path, w, h, gotW, gotH)
		}
		return nil
	}
}
