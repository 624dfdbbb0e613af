// Package npy reads and writes NumPy's .npy files (format versions 1 and 2, NumPy Enhancement Proposal 1) as
// float32 arrays in C order.
//
// A file is untrusted input: what its header declares is compared with the bytes present before anything is
// allocated, and errors name the file and what is wrong with it.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// elementTypes gives the element type of each supported descr. Whole numbers and float64 round to the
// nearest float32 when read.
var elementTypes = map[string]onnx.DType{
	"<f2": onnx.Float16, "<f4": onnx.Float32, "<f8": onnx.Float64,
	"|i1": onnx.Int8, "<i2": onnx.Int16, "<i4": onnx.Int32, "<i8": onnx.Int64,
	"|u1": onnx.Uint8, "<u2": onnx.Uint16, "<u4": onnx.Uint32, "<u8": onnx.Uint64, "|b1": onnx.Bool,
}

// Open reads the array in the file at path and returns its elements in C order and its shape. Float16,
// float64, whole numbers and bool are converted to float32.
func Open(path string) (data []float32, shape []int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("npy: %s: %w", path, err)
		}
	}()
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err)
	}
	if !st.Mode().IsRegular() {
		return nil, nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err)
	}
	defer f.Close()
	return read(f, st.Size())
}

// Read reads an array of size bytes, header included; see [Open].
func Read(r io.ReaderAt, size int64) (data []float32, shape []int, err error) {
	if data, shape, err = read(r, size); err != nil {
		err = fmt.Errorf("npy: %w", err)
	}
	return data, shape, err
}

func read(r io.ReaderAt, size int64) ([]float32, []int, error) {
	h, off, err := readHeader(r, size)
	if err != nil {
		return nil, nil, err
	}
	dtype, ok := elementTypes[h.descr]
	if !ok {
		return nil, nil, fmt.Errorf("descr %q is not supported: save the array as little-endian float32 ('<f4')", h.descr)
	}
	n, err := count(h.shape)
	if err != nil {
		return nil, nil, err
	}
	if want := n * int64(dtype.Size()); want != size-off {
		return nil, nil, fmt.Errorf("shape %v of %s needs %d bytes of data, the file has %d", h.shape, dtype, want, size-off)
	}
	raw := make([]byte, size-off)
	if k, err := r.ReadAt(raw, off); k < len(raw) {
		return nil, nil, fmt.Errorf("reading %d bytes of data: %w", len(raw), err)
	}
	t, err := onnx.NewTensor("data", dtype, h.shape, raw)
	if err != nil {
		return nil, nil, err
	}
	data, err := t.Float32s()
	if err == nil && h.fortran {
		data = rowMajor(data, h.shape)
	}
	return data, h.shape, err
}

// rowMajor reorders an array whose first axis runs fastest.
func rowMajor(data []float32, shape []int) []float32 {
	out := make([]float32, len(data))
	idx := make([]int, len(shape))
	for i := range out {
		at, step := 0, 1
		for d, n := range shape {
			at += idx[d] * step
			step *= n
		}
		out[i] = data[at]
		for d := len(shape) - 1; d >= 0; d-- {
			if idx[d]++; idx[d] < shape[d] {
				break
			}
			idx[d] = 0
		}
	}
	return out
}

// count multiplies the shape without overflow.
func count(shape []int) (int64, error) {
	const most = 1 << 48
	n := int64(1)
	for _, d := range shape {
		if d := int64(d); d > most || d > 0 && n > most/d {
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, int64(most))
		}
		n *= int64(d)
	}
	return n, nil
}

// Save writes the array to path, under a temporary name that is renamed when complete.
func Save(path string, data []float32, shape ...int) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return write(w, data, shape) })
	if err != nil {
		return fmt.Errorf("npy: saving %s: %w", path, err)
	}
	return nil
}

// Write writes data as a float32 array of the given shape in C order; no shape means a scalar.
func Write(w io.Writer, data []float32, shape ...int) error {
	if err := write(w, data, shape); err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return nil
}

func write(w io.Writer, data []float32, shape []int) error {
	t, err := onnx.NewFloat32("data", shape, data)
	if err != nil {
		return fmt.Errorf("shape %v does not hold %d values", shape, len(data))
	}
	raw, err := t.Bytes()
	if err != nil {
		return err
	}
	if _, err = w.Write(formatHeader(shape)); err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

// formatHeader returns a version 1 header, padded so that the data starts at a multiple of 64 bytes.
func formatHeader(shape []int) []byte {
	tuple := ""
	for i, d := range shape {
		if i > 0 {
			tuple += ", "
		}
		tuple += fmt.Sprint(d)
	}
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", tuple)
	for (len(magic)+4+len(dict)+1)%64 != 0 {
		dict += " "
	}
	dict += "\n"
	h := append([]byte(magic), 1, 0)
	h = binary.LittleEndian.AppendUint16(h, uint16(len(dict)))
	return append(h, dict...)
}
