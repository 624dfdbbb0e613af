package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	magic     = "\x93NUMPY"
	maxHeader = 64 << 10 // bytes; NumPy itself writes a few hundred
	maxRank   = 64
)

// header is what the dictionary at the head of a file says.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// readHeader returns the header and the offset of the data.
func readHeader(r io.ReaderAt, size int64) (h header, off int64, err error) {
	pre := make([]byte, min(size, 12))
	if n, err := r.ReadAt(pre, 0); n < len(pre) {
		return h, 0, err
	}
	if len(pre) < 10 || string(pre[:6]) != magic {
		return h, 0, errors.New("is not a NumPy array file")
	}
	var length int64
	switch major := pre[6]; {
	case major == 1:
		off, length = 10, int64(binary.LittleEndian.Uint16(pre[8:]))
	case (major == 2 || major == 3) && len(pre) == 12:
		off, length = 12, int64(binary.LittleEndian.Uint32(pre[8:]))
	default:
		return h, 0, fmt.Errorf("format version %d.%d is not supported", major, pre[7])
	}
	if length > maxHeader || length > size-off {
		return h, 0, fmt.Errorf("the header declares %d bytes, the file has %d", length, size-off)
	}
	text := make([]byte, length)
	if n, err := r.ReadAt(text, off); n < len(text) {
		return h, 0, err
	}
	h, err = parseHeader(string(text))
	if err != nil {
		err = fmt.Errorf("header: %w", err)
	}
	return h, off + length, err
}

// parseHeader reads the literal of a Python dictionary with exactly the keys descr, fortran_order and shape.
func parseHeader(s string) (h header, err error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return h, errors.New("is not a dictionary")
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	seen := make(map[string]bool)
	for s != "" {
		var key string
		if key, s, err = quoted(s); err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("%s appears twice", key)
		}
		seen[key] = true
		rest, ok := strings.CutPrefix(s, ":")
		if !ok {
			return h, fmt.Errorf("no ':' after %s", key)
		}
		if s, err = h.value(key, strings.TrimSpace(rest)); err != nil {
			return h, fmt.Errorf("%s: %w", key, err)
		}
		if rest, ok = strings.CutPrefix(s, ","); !ok && s != "" {
			return h, fmt.Errorf("no ',' after %s", key)
		}
		s = strings.TrimSpace(rest)
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, fmt.Errorf("%s is missing", key)
		}
	}
	return h, nil
}

// value parses the value of key at the start of s and returns what follows it.
func (h *header) value(key, s string) (rest string, err error) {
	switch key {
	case "descr":
		h.descr, rest, err = quoted(s)
		return rest, err
	case "fortran_order":
		if rest, ok := strings.CutPrefix(s, "True"); ok {
			h.fortran = true
			return strings.TrimSpace(rest), nil
		}
		if rest, ok := strings.CutPrefix(s, "False"); ok {
			return strings.TrimSpace(rest), nil
		}
		return s, errors.New("is neither True nor False")
	case "shape":
		h.shape, rest, err = tuple(s)
		return rest, err
	}
	return s, errors.New("is not a key of this format")
}

// quoted parses a string literal without escapes.
func quoted(s string) (v, rest string, err error) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", s, errors.New("a plain string is expected (structured arrays are not supported)")
	}
	v, rest, ok := strings.Cut(s[1:], s[:1])
	if !ok {
		return "", s, errors.New("a string does not end")
	}
	return v, strings.TrimSpace(rest), nil
}

// tuple parses a tuple of whole numbers. Python 2 wrote them with an L.
func tuple(s string) (dims []int, rest string, err error) {
	inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "("), ")")
	if !ok || !strings.HasPrefix(s, "(") {
		return nil, s, errors.New("is not a tuple")
	}
	parts := strings.Split(inner, ",")
	if last := len(parts) - 1; strings.TrimSpace(parts[last]) == "" {
		parts = parts[:last] // the empty tuple, or a trailing comma
	}
	if len(parts) > maxRank {
		return nil, s, fmt.Errorf("has %d dimensions, the most allowed is %d", len(parts), maxRank)
	}
	dims = make([]int, len(parts))
	for i, p := range parts {
		p = strings.TrimSuffix(strings.TrimSpace(p), "L")
		if dims[i], err = strconv.Atoi(p); err != nil || dims[i] < 0 {
			return nil, s, fmt.Errorf("dimension %d is %q", i, p)
		}
	}
	return dims, strings.TrimSpace(rest), nil
}
