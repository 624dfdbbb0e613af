package main

import (
	"fmt"
	"image"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/pretrain"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/models"
)

// dataConfig says which images.
type dataConfig struct {
	Path        string            `yaml:"path"`                       // embedded:tiles for the embedded ones, surfaces:N for drawn ones
	Layout      string            `yaml:"layout,omitempty"`           // folder, pairs, mvtec, voc, coco, vqa, csv, jsonl, neu-det, magnetic-tile
	Annotations []string          `yaml:"annotations,omitempty,flow"` // COCO: annotation files; VQA: questions, then answers; VOC: their folder. path is then the folder of images
	Rename      map[string]string `yaml:"rename,omitempty"`           // class of the data → name used here
	Numbers     []int             `yaml:"numbers,omitempty,flow"`     // keep files whose name ends in _N, first to last
	HoldOut     int               `yaml:"hold_out,omitempty"`         // keep every n-th image of each class
	Rest        bool              `yaml:"rest,omitempty"`             // keep the others instead
	PerClass    int               `yaml:"per_class,omitempty"`
	Part        string            `yaml:"part,omitempty"` // what is shown; captions and questions are made with it where there are none
	Good        string            `yaml:"good,omitempty"` // class free of defects
}

// Data that needs no files: the embedded photographs, and drawn surfaces with their number and settings.
const (
	embeddedTiles = "embedded:tiles"
	drawnSurfaces = "surfaces:"
)

// good is the class free of defects.
func (c dataConfig) good() string {
	if c.Good == "" && strings.HasPrefix(c.Path, drawnSurfaces) {
		return surfaces.Defects[0]
	}
	return c.Good
}

// drawn reads "N[,seed=S][,first=F][,size=P]". By default the images are of seed 1 from the index on from which no
// embedded model was trained, 64 pixels a side.
func drawn(args string) (*dataset.Dataset, error) {
	c := surfaces.Config{Seed: 1, First: pretrain.TestFrom}
	fields := strings.Split(args, ",")
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		return nil, usagef("data: %s%s: want %sN with the number of images", drawnSurfaces, args, drawnSurfaces)
	}
	c.N = n
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		v, err := strconv.ParseUint(value, 10, 48)
		if err != nil {
			return nil, usagef("data: %s%s: %q is no setting with a whole number", drawnSurfaces, args, f)
		}
		switch key {
		case "seed":
			c.Seed = v
		case "first":
			c.First = int(v)
		case "size":
			c.Size = int(v)
		default:
			return nil, usagef("data: %s%s: %q is none of seed, first, size", drawnSurfaces, args, key)
		}
	}
	d, err := surfaces.New(c)
	if err != nil {
		return nil, usageError{err}
	}
	return d, nil
}

// embedded reports whether the images are the embedded ones.
func (c dataConfig) embedded() bool { return c.Path == embeddedTiles }

// describe names the images for people.
func (c dataConfig) describe() string {
	text := filepath.Base(c.Path)
	if len(c.Numbers) == 2 {
		text += fmt.Sprintf(", numbers %d to %d", c.Numbers[0], c.Numbers[1])
	}
	switch {
	case c.HoldOut > 0 && c.Rest:
		text += fmt.Sprintf(", all but every %d-th image of a class", c.HoldOut)
	case c.HoldOut > 0:
		text += fmt.Sprintf(", every %d-th image of a class", c.HoldOut)
	}
	return text
}

// layouts are the readers of data sets by name. Where images and annotations are apart, they are the folders images
// and annotations, or JPEGImages and Annotations (VOC), or the folder images and annotations.json (COCO) or
// questions.json and annotations.json (VQA), unless the configuration names the files.
var layouts = map[string]func(path string) (*dataset.Dataset, error){
	"folder": dataset.Folder,
	"pairs":  func(p string) (*dataset.Dataset, error) { return dataset.Pairs(p) },
	"voc": func(p string) (*dataset.Dataset, error) {
		if devkit := filepath.Join(p, "JPEGImages"); exists(devkit) {
			return dataset.VOC(devkit, filepath.Join(p, "Annotations"))
		}
		return dataset.VOC(filepath.Join(p, "images"), filepath.Join(p, "annotations"))
	},
	"coco": func(p string) (*dataset.Dataset, error) {
		return dataset.COCO(filepath.Join(p, "images"), filepath.Join(p, "annotations.json"))
	},
	"vqa": func(p string) (*dataset.Dataset, error) {
		return dataset.VQAJSON(filepath.Join(p, "images"), filepath.Join(p, "questions.json"), filepath.Join(p, "annotations.json"))
	},
	"mvtec":         dataset.MVTec,
	"csv":           dataset.CSV,
	"jsonl":         dataset.JSONL,
	"neu-det":       dataset.NEUDET,
	"magnetic-tile": dataset.MagneticTile,
}

// paths are the fields that name files.
func (c *dataConfig) paths() []*string {
	out := []*string{&c.Path}
	for i := range c.Annotations {
		out = append(out, &c.Annotations[i])
	}
	return out
}

// open reads and selects the images.
func (c dataConfig) open() (*dataset.Dataset, error) {
	d, err := c.read()
	if err != nil {
		return nil, err
	}
	if len(c.Numbers) != 0 {
		if len(c.Numbers) != 2 || c.Numbers[0] > c.Numbers[1] {
			return nil, usagef("data: numbers %v: want [first, last]", c.Numbers)
		}
		d = d.Numbered(c.Numbers[0], c.Numbers[1])
	}
	if c.HoldOut < 0 || c.PerClass < 0 {
		return nil, usagef("data: hold_out and per_class are counts")
	}
	if c.HoldOut > 0 {
		held, rest := d.EveryNth(c.HoldOut)
		if d = held; c.Rest {
			d = rest
		}
	}
	if c.PerClass > 0 {
		d = d.PerClass(c.PerClass)
	}
	if d.Len() == 0 {
		return nil, fmt.Errorf("%s: no image is left after the selection", c.Path)
	}
	return c.named(d)
}

// named renames the classes and makes captions and questions where a part is named.
func (c dataConfig) named(d *dataset.Dataset) (*dataset.Dataset, error) {
	if len(c.Rename) > 0 {
		classes := slices.Clone(d.Classes)
		for i, name := range classes {
			if to, ok := c.Rename[name]; ok {
				classes[i] = to
			}
		}
		var err error
		if d, err = d.Relabel(classes, c.Rename); err != nil {
			return nil, err
		}
	}
	if c.Part != "" {
		d = d.Describe(c.Part, c.Good)
	}
	return d, nil
}

// annotated reads images with annotation files of any name.
func (c dataConfig) annotated() (*dataset.Dataset, error) {
	a := c.Annotations
	switch {
	case c.Layout == "coco" && len(a) > 0:
		return dataset.COCO(c.Path, a[0], a[1:]...)
	case c.Layout == "vqa" && len(a) == 1:
		return dataset.VQAJSON(c.Path, a[0], "")
	case c.Layout == "vqa" && len(a) == 2:
		return dataset.VQAJSON(c.Path, a[0], a[1])
	case c.Layout == "voc" && len(a) == 1:
		return dataset.VOC(c.Path, a[0])
	}
	return nil, usagef("data: %d annotations with layout %q: coco takes one file or more, vqa questions and answers, voc a folder", len(a), c.Layout)
}

func (c dataConfig) read() (*dataset.Dataset, error) {
	if c.embedded() {
		return tiles()
	}
	if args, ok := strings.CutPrefix(c.Path, drawnSurfaces); ok {
		return drawn(args)
	}
	if c.Annotations != nil {
		return c.annotated()
	}
	if c.Layout == "" {
		return dataset.Open(c.Path)
	}
	read, ok := layouts[c.Layout]
	if !ok {
		var known []string
		for name := range layouts {
			known = append(known, name)
		}
		slices.Sort(known)
		return nil, usagef("data: layout %q is none of %v", c.Layout, known)
	}
	return read(c.Path)
}

// tiles is the data set of the embedded photographs.
func tiles() (*dataset.Dataset, error) {
	d := &dataset.Dataset{Name: "twelve magnetic tiles"}
	files := models.Tiles()
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".jpg" {
			return err
		}
		class := path.Dir(name)
		if d.ClassIndex(class) == dataset.NoLabel {
			d.Classes = append(d.Classes, class)
		}
		s, err := tile(files, name, d.ClassIndex(class))
		d.Samples = append(d.Samples, s)
		return err
	})
	return d, err
}

// tile is one embedded photograph with its mask, which lies beside it as PNG.
func tile(files fs.FS, name string, class int) (*dataset.Sample, error) {
	picture := func(name string) (*image.NRGBA, error) {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		return dataset.DecodeImage(raw)
	}
	marked, err := picture(strings.TrimSuffix(name, ".jpg") + ".png")
	if err != nil {
		return nil, err
	}
	mask := dataset.NewMask(marked.Rect.Dx(), marked.Rect.Dy())
	for i := range mask.Pix {
		if marked.Pix[4*i] >= 128 {
			mask.Pix[i] = uint16(class + 1)
		}
	}
	s := dataset.Generated(name, func() (*image.NRGBA, error) { return picture(name) },
		func(int, int) (*dataset.Mask, error) { return mask, nil })
	s.Label, s.Boxes = class, mask.Boxes(16)
	return s, nil
}
