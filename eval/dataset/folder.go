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
		if strings.HasPrefix(e.Name(), ".") || !isFolder(root, e) {
			continue
		}
		paths, problems := imagesUnder(filepath.Join(root, e.Name()))
		d.Problems = append(d.Problems, problems...)
		if len(paths) == 0 {
			if len(problems) == 0 {
				d.Problems = append(d.Problems, fmt.Errorf("%s: no images", filepath.Join(root, e.Name())))
			}
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
	if _, err := os.ReadDir(root); err != nil {
		return nil, err
	}
	paths, problems := imagesUnder(root)
	d := &Dataset{Name: filepath.Base(root), Problems: problems}
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

// isFolder reports whether an entry of dir is a folder or a symbolic link to one.
func isFolder(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// imagesUnder lists image files by name, recursively, in lexical order, with an error for each folder that cannot
// be read. Symbolic links are followed; a folder that links lead to more than once is listed once.
func imagesUnder(root string) (paths []string, problems []error) {
	seen := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			problems = append(problems, err)
			return
		}
		if seen[real] {
			return
		}
		seen[real] = true
		entries, err := os.ReadDir(dir)
		if err != nil {
			problems = append(problems, err)
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case isFolder(dir, e):
				walk(path)
			case isImage(e.Name()):
				paths = append(paths, path)
			}
		}
	}
	walk(root)
	slices.Sort(paths)
	return paths, problems
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
