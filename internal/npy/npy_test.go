package npy_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

// file builds a file from its parts, as NumPy would for a well-formed dictionary.
func file(major byte, dict string, data []byte) []byte {
	b := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	return append(append(b, dict...), data...)
}

func dict(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
}

func encode(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestReadConvertsElementTypes(t *testing.T) {
	tests := []struct {
		name  string
		file  []byte
		want  []float32
		shape []int
	}{
		{"float32", file(1, dict("<f4", "False", "(2, 1)"), encode(float32(1.5), float32(-2))), []float32{1.5, -2}, []int{2, 1}},
		{"float64", file(1, dict("<f8", "False", "(2,)"), encode(0.1, -1e300)), []float32{0.1, float32(math.Inf(-1))}, []int{2}},
		{"float16", file(1, dict("<f2", "False", "(3,)"), encode(uint16(0x3c00), uint16(1), uint16(0xfc00))), []float32{1, 0x1p-24, float32(math.Inf(-1))}, []int{3}},
		{"int64", file(2, dict("<i8", "False", "(2,)"), encode(int64(-3), int64(1<<40))), []float32{-3, 1 << 40}, []int{2}},
		{"uint8", file(3, dict("|u1", "False", "(2,)"), []byte{0, 255}), []float32{0, 255}, []int{2}},
		{"scalar", file(1, dict("<f4", "False", "()"), encode(float32(7))), []float32{7}, []int{}},
		{"empty", file(1, dict("<f4", "False", "(0, 4)"), nil), []float32{}, []int{0, 4}},
		{"row in Fortran order", file(1, dict("<f4", "True", "(1L,)"), encode(float32(7))), []float32{7}, []int{1}},
		{"matrix in Fortran order", file(1, dict("<f4", "True", "(2, 3)"), encode([]float32{1, 4, 2, 5, 3, 6})), []float32{1, 2, 3, 4, 5, 6}, []int{2, 3}},
		{"double quotes", file(1, `{"shape": (1,), "fortran_order": False, "descr": "<f4"}`, encode(float32(7))), []float32{7}, []int{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, shape, err := npy.Read(bytes.NewReader(test.file), int64(len(test.file)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) || !slices.Equal(shape, test.shape) {
				t.Errorf("got %v %v, want %v %v", got, shape, test.want, test.shape)
			}
		})
	}
}

func TestSaveAndOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	want := []float32{1, -0.5, float32(math.Inf(1)), 1e-45, math.MaxFloat32, float32(math.Copysign(0, -1))}
	if err := npy.Save(path, want, 2, 3); err != nil {
		t.Fatal(err)
	}
	got, shape, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shape, []int{2, 3}) || !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Errorf("got %v %v", got, shape)
	}
	b, _ := os.ReadFile(path)
	if len(b) != 128+24 || b[127] != '\n' {
		t.Errorf("the data does not start at byte 128: %q", b)
	}
}

func TestSaveLeavesNothingHalfWritten(t *testing.T) {
	dir := t.TempDir()
	if err := npy.Save(filepath.Join(dir, "a.npy"), make([]float32, 5), 2, 3); err == nil {
		t.Error("five values were saved as 2×3")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := npy.Save(dir, []float32{1}, 1); err == nil {
		t.Error("a folder was replaced")
	}
}

func TestHostileFiles(t *testing.T) {
	ok := encode(float32(1), float32(2))
	good := file(1, dict("<f4", "False", "(2,)"), ok)
	tests := []struct {
		name    string
		file    []byte
		culprit string
	}{
		{"empty", nil, "not a NumPy array"},
		{"text", []byte("hello, world, this is text"), "not a NumPy array"},
		{"magic only", []byte("\x93NUMPY\x01\x00"), "not a NumPy array"},
		{"version", file(9, dict("<f4", "False", "(2,)"), ok), "version 9"},
		{"header beyond the file", append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), "{}"...), "header declares 2147483647"},
		{"data missing", good[:len(good)-1], "needs 8 bytes of data, the file has 7"},
		{"data left over", append(bytes.Clone(good), 0), "the file has 9"},
		{"huge dimension", file(1, dict("<f4", "False", "(1099511627776, 1099511627776)"), ok), "elements"},
		{"large dimension", file(1, dict("<f4", "False", "(1099511627776,)"), ok), "needs 4398046511104 bytes"},
		{"negative dimension", file(1, dict("<f4", "False", "(-2,)"), ok), `"-2"`},
		{"beyond int64", file(1, dict("<f4", "False", "(99999999999999999999,)"), ok), "shape"},
		{"rank", file(1, dict("<f4", "False", "("+strings.Repeat("1,", 65)+")"), ok), "65 dimensions"},
		{"big-endian", file(1, dict(">f4", "False", "(2,)"), ok), ">f4"},
		{"complex", file(1, dict("<c8", "False", "(1,)"), ok), "<c8"},
		{"object", file(1, dict("|O", "False", "(1,)"), ok), "|O"},
		{"structured", file(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", ok), "descr"},
		{"order is a number", file(1, dict("<f4", "0", "(2,)"), ok), "fortran_order"},
		{"shape is a list", file(1, dict("<f4", "False", "[2]"), ok), "shape"},
		{"no shape", file(1, "{'descr': '<f4', 'fortran_order': False}", ok), "shape is missing"},
		{"key twice", file(1, "{'descr': '<f4', 'descr': '<f4'}", ok), "descr appears twice"},
		{"unknown key", file(1, "{'code': 'x'}", ok), "code"},
		{"no dictionary", file(1, "import os", ok), "dictionary"},
		{"unfinished string", file(1, "{'descr}", ok), "does not end"},
		{"no colon", file(1, "{'descr' 'x'}", ok), "':'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := npy.Read(bytes.NewReader(test.file), int64(len(test.file)))
			if err == nil || !strings.Contains(err.Error(), test.culprit) {
				t.Errorf("error %v does not name %q", err, test.culprit)
			}
		})
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "absent.npy"), dir, "/dev/zero"} {
		if _, _, err := npy.Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(1, dict("<f4", "False", "(2,)"), encode(float32(1), float32(2))))
	f.Add(file(2, dict("<f2", "True", "(2, 3)"), make([]byte, 12)))
	f.Add(file(1, `{"shape": (1L,), "fortran_order": False, "descr": "|u1"}`, []byte{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		data, shape, err := npy.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := npy.Write(&out, data, shape...); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, shape2, err := npy.Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil || !slices.Equal(shape, shape2) || len(again) != len(data) {
			t.Fatalf("shape %v became %v (%v)", shape, shape2, err)
		}
		for i := range data {
			if math.Float32bits(data[i]) != math.Float32bits(again[i]) {
				t.Fatalf("element %d: %v became %v", i, data[i], again[i])
			}
		}
	})
}
