package dataset

import (
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder reads a folder of class folders (root/CLASS/**/image). Classes are sorted by name; folders
// whose name begins with a dot are left out.
func Folder(root string) (*Dataset, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: filepath.Base(root)}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		paths, err := imagesUnder(filepath.Join(root, e.Name()))
		if err != nil {
			d.Problems = append(d.Problems, err)
			continue
		}
		if len(paths) == 0 {
			d.Problems = append(d.Problems, fmt.Errorf("%s: no images", filepath.Join(root, e.Name())))
			continue
		}
		label := len(d.Classes)
		d.Classes = append(d.Classes, e.Name())
		for _, p := range paths {
			s := fileSample(root, p)
			s.Label = label
			d.Samples = append(d.Samples, s)
		}
	}
	return d, d.orEmpty(root)
}

// Flat reads every image under root, in order of path, without labels.
func Flat(root string) (*Dataset, error) {
	paths, err := imagesUnder(root)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: filepath.Base(root)}
	for _, p := range paths {
		d.Samples = append(d.Samples, fileSample(root, p))
	}
	return d, d.orEmpty(root)
}

// Open reads root as class folders if it holds folders with images, and as a flat folder otherwise.
func Open(root string) (*Dataset, error) {
	if d, err := Folder(root); err == nil {
		return d, nil
	}
	return Flat(root)
}

// orEmpty is an error if the reader found no sample at all.
func (d *Dataset) orEmpty(root string) error {
	if len(d.Samples) > 0 {
		return nil
	}
	if len(d.Problems) > 0 {
		return fmt.Errorf("%s: no usable images; first problem: %w", root, d.Problems[0])
	}
	return fmt.Errorf("%s: no images (PNG, JPEG, WebP or BMP) found", root)
}

var imageExtensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp"}

func isImage(name string) bool {
	return slices.Contains(imageExtensions, strings.ToLower(filepath.Ext(name)))
}

// imagesUnder lists image files by name, recursively, in lexical order.
func imagesUnder(root string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case !e.IsDir() && isImage(e.Name()) && !strings.HasPrefix(e.Name(), "."):
			paths = append(paths, path)
		}
		return nil
	})
	slices.Sort(paths)
	return paths, err
}

// fileSample describes one image file; its ID is the path below root with slashes.
func fileSample(root, path string) *Sample {
	id, err := filepath.Rel(root, path)
	if err != nil {
		id = path
	}
	return &Sample{
		ID: filepath.ToSlash(id), Path: path, Label: NoLabel,
		read: func() (*image.NRGBA, error) { return ReadImage(path) },
	}
}
