package main

import (
	"fmt"
	"image"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/models"
)

// layouts are the readers of data sets by name. Where images and annotations are apart, they are the
// folders images and annotations (VOC) or the folder images and the file annotations.json (COCO).
var layouts = map[string]func(path string) (*dataset.Dataset, error){
	"folder": dataset.Folder,
	"pairs":  func(p string) (*dataset.Dataset, error) { return dataset.Pairs(p) },
	"voc": func(p string) (*dataset.Dataset, error) {
		return dataset.VOC(filepath.Join(p, "images"), filepath.Join(p, "annotations"))
	},
	"coco": func(p string) (*dataset.Dataset, error) {
		return dataset.COCO(filepath.Join(p, "images"), filepath.Join(p, "annotations.json"))
	},
	"csv":           dataset.CSV,
	"jsonl":         dataset.JSONL,
	"neu-det":       dataset.NEUDET,
	"magnetic-tile": dataset.MagneticTile,
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
		d, _ = d.EveryNth(c.HoldOut)
	}
	if c.PerClass > 0 {
		d = d.PerClass(c.PerClass)
	}
	if d.Len() == 0 {
		return nil, fmt.Errorf("%s: no image is left after the selection", c.Path)
	}
	return d, nil
}

func (c dataConfig) read() (*dataset.Dataset, error) {
	if c.Path == embeddedTiles && !exists(c.Path) {
		return tiles()
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
		s := dataset.Generated(name, func() (*image.NRGBA, error) {
			raw, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			return dataset.DecodeImage(raw)
		}, nil)
		s.Label = d.ClassIndex(class)
		d.Samples = append(d.Samples, s)
		return nil
	})
	return d, err
}
