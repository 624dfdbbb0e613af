package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// external reads tensor data from files beside the model. os.Root keeps every path inside the folder, also
// through symbolic links.
type external struct {
	dir  string // "" refuses external data
	root *os.Root
	name string // of the file now open
	file *os.File
	size int64
	seen map[region][]byte // tensors that share bytes of a file share memory
}

// region is a range of bytes in an external file.
type region struct {
	name    string
	off, n  int64
	present bool // whether length was given
}

// externalData reads the want bytes of a tensor that entries locate.
func (r *reader) externalData(entries []*onnxpb.StringStringEntryProto, want int64, empty bool) ([]byte, error) {
	g, err := parseRegion(entries)
	if err != nil {
		return nil, err
	}
	if g.present && g.n != want {
		return nil, fmt.Errorf("file %.100q: length is %d, the tensor needs %d bytes", g.name, g.n, want)
	}
	g.n, g.present = want, true
	if empty {
		return []byte{}, nil
	}
	if raw, ok := r.ext.seen[g]; ok {
		return raw, nil
	}
	if err := r.ext.open(g.name); err != nil {
		return nil, fmt.Errorf("file %.100q: %w", g.name, bare(err))
	}
	if g.off > r.ext.size || g.n > r.ext.size-g.off {
		return nil, fmt.Errorf("file %.100q has %d bytes, the tensor needs %d at offset %d", g.name, r.ext.size, g.n, g.off)
	}
	raw, err := r.alloc(g.n)
	if err != nil {
		return nil, err
	}
	if err := readFull(r.ext.file, raw, g.off); err != nil {
		return nil, fmt.Errorf("file %.100q: %w", g.name, err)
	}
	if r.ext.seen == nil {
		r.ext.seen = make(map[region][]byte)
	}
	r.ext.seen[g] = raw
	return raw, nil
}

// parseRegion reads the keys location, offset and length; others, such as checksum, are ignored.
func parseRegion(entries []*onnxpb.StringStringEntryProto) (region, error) {
	var g region
	for _, e := range entries {
		var err error
		switch e.GetKey() {
		case "location":
			g.name = e.GetValue()
		case "offset":
			g.off, err = parseSize(e.GetValue())
		case "length":
			g.n, err = parseSize(e.GetValue())
			g.present = true
		}
		if err != nil {
			return g, fmt.Errorf("%s: %w", e.GetKey(), err)
		}
	}
	if g.name == "" {
		return g, errors.New("no location is given")
	}
	if !filepath.IsLocal(filepath.FromSlash(g.name)) {
		return g, fmt.Errorf("location %.100q is outside the model's folder", g.name)
	}
	g.name = filepath.Clean(filepath.FromSlash(g.name))
	return g, nil
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.100q is not a number of bytes", s)
	}
	return int64(n), nil
}

// open makes name the current file. It must be a regular file inside the folder.
func (e *external) open(name string) (err error) {
	if e.file != nil && e.name == name {
		return nil
	}
	if e.dir == "" {
		return errors.New("the model keeps data outside its file, and no folder to look in was given")
	}
	if e.root == nil {
		if e.root, err = os.OpenRoot(e.dir); err != nil {
			return err
		}
	}
	st, err := e.root.Stat(name) // before opening: opening a named pipe waits for a writer
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("is missing from the model's folder %s", e.dir)
	} else if err != nil {
		return fmt.Errorf("cannot be reached inside the model's folder %s: %w", e.dir, bare(err))
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("is not a regular file but a %s", kindOf(st))
	}
	f, err := e.root.Open(name)
	if err != nil {
		return err
	}
	if e.file != nil {
		e.file.Close()
	}
	e.name, e.file, e.size = name, f, st.Size()
	return nil
}

func (e *external) close() {
	if e.file != nil {
		e.file.Close()
	}
	if e.root != nil {
		e.root.Close()
	}
}
