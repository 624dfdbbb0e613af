package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/onnx/onnxpb"
)

// Open reads the model file at path with its external data, which must lie in the file's folder.
func Open(path string, lim Limits) (*Model, error) {
	m, err := open(path, lim)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, bare(err))
	}
	m.Path = path
	return m, nil
}

func open(path string, lim Limits) (*Model, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("is not a regular file but a %s", kindOf(st))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, err
	}
	if lim.ExternalDir == "" {
		lim.ExternalDir = filepath.Dir(path)
	}
	file := filemap.Open(f)
	m, err := read(f, st.Size(), lim, file)
	if m != nil {
		m.file = file
	}
	return m, err
}

// Read reads a model of the given size. External data is refused unless lim.ExternalDir names its folder.
func Read(r io.ReaderAt, size int64, lim Limits) (*Model, error) {
	m, err := read(r, size, lim, nil)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

// read reads a model whose file is also mapped, or nil.
func read(src io.ReaderAt, size int64, lim Limits, file *filemap.File) (*Model, error) {
	r := &reader{src: source{r: src, size: size}, file: file, ext: external{dir: lim.ExternalDir}, used: budget{lim: lim}}
	defer r.ext.close()
	if err := sniff(&r.src); err != nil {
		return nil, err
	}
	return r.model()
}

// model reads the whole file as one ModelProto.
func (r *reader) model() (*Model, error) {
	pb := new(onnxpb.ModelProto)
	var graph *Graph
	var functions []*Function
	inGraph, names := false, make(map[[3]string]bool)
	err := r.message(span{0, r.src.size}, pb, func(f field) (bool, error) {
		switch {
		case isMessage(f, 7):
			inGraph = true
			if graph != nil {
				return true, errors.New("graph appears twice")
			}
			var err error
			graph, err = r.graph(f.span, 1)
			return true, wrapf(err, "graph")
		case isMessage(f, 25):
			fn, err := r.function(f.span)
			functions = append(functions, fn)
			if key := [...]string{fn.Domain, fn.Name, fn.Overload}; err == nil && names[key] {
				err = errors.New("a second function of this name")
			} else {
				names[key] = true
			}
			return true, wrapf(err, "function %d %.100q", len(functions)-1, fn.name())
		}
		return false, nil
	})
	switch {
	case err != nil && !inGraph:
		return nil, fmt.Errorf("is not an ONNX model, or is damaged before its graph: %w", err)
	case err != nil:
		return nil, err
	case graph == nil:
		return nil, errors.New("is not an ONNX model: it has no graph")
	case pb.GetIrVersion() < 1:
		return nil, fmt.Errorf("is not an ONNX model: ir_version is %d", pb.GetIrVersion())
	}
	return newModel(pb, graph, functions)
}

// newModel takes over what the generated message holds.
func newModel(pb *onnxpb.ModelProto, g *Graph, fns []*Function) (*Model, error) {
	opsets, err := opsetMap(pb.OpsetImport)
	if err != nil {
		return nil, err
	}
	return &Model{
		IRVersion: pb.GetIrVersion(),
		Producer:  pb.GetProducerName(), ProducerVersion: pb.GetProducerVersion(),
		Opsets: opsets, Graph: g, Functions: fns, Metadata: metaMap(pb.MetadataProps),
		opsets: pb.OpsetImport, meta: pb.MetadataProps, unknown: pb.ProtoReflect().GetUnknown(),
	}, nil
}

// opsetMap indexes the imported operator sets by domain.
func opsetMap(list []*onnxpb.OperatorSetIdProto) (map[string]int64, error) {
	m := make(map[string]int64, len(list))
	for _, o := range list {
		d := domain(o.GetDomain())
		if v, ok := m[d]; ok && v != o.GetVersion() {
			return nil, fmt.Errorf("opset_import: domain %.100q has two versions, %d and %d", d, v, o.GetVersion())
		}
		m[d] = o.GetVersion()
	}
	return m, nil
}

func metaMap(list []*onnxpb.StringStringEntryProto) map[string]string {
	m := make(map[string]string, len(list))
	for _, e := range list {
		m[e.GetKey()] = e.GetValue()
	}
	return m
}

// domain gives the standard operator set one spelling.
func domain(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}

// wrapf puts the place in front of an error.
func wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// bare removes the path that the os package puts into its errors, for callers that name the file themselves.
func bare(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) && err == error(pe) {
		return pe.Err
	}
	return err
}

func kindOf(st os.FileInfo) string {
	switch m := st.Mode(); {
	case m.IsDir():
		return "folder"
	case m&os.ModeNamedPipe != 0:
		return "named pipe"
	case m&os.ModeSymlink != 0:
		return "symbolic link"
	case m&os.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
