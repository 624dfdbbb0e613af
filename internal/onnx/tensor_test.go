package onnx_test

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// le returns little-endian bytes of fixed-size values.
func le(values any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return b
}

// elementCases holds, for each element type, the same values as raw data and as typed field.
var elementCases = []struct {
	d          onnx.DType
	raw, typed []byte
	want       []float64
}{
	{onnx.Float32, le([]float32{1.5, -0.25, 3}), sub(4, le([]float32{1.5, -0.25, 3})), []float64{1.5, -0.25, 3}},
	{onnx.Float64, le([]float64{0.1, -1e300, 2}), sub(10, le([]float64{0.1, -1e300, 2})), []float64{0.1, -1e300, 2}},
	{onnx.Float16, le([]uint16{0x3e00, 0x8001, 0x7c00}), packed(5, 0x3e00, 0x8001, 0x7c00), []float64{1.5, -0x1p-24, math.Inf(1)}},
	{onnx.BFloat16, le([]uint16{0x3fc0, 0x8001, 0xff80}), packed(5, 0x3fc0, 0x8001, 0xff80), []float64{1.5, -0x1p-133, math.Inf(-1)}},
	{onnx.Int64, le([]int64{-1, 1 << 40, 7}), packed(7, -1, 1<<40, 7), []float64{-1, 1 << 40, 7}},
	{onnx.Int32, le([]int32{-1, 1 << 30, 7}), packed(5, -1, 1<<30, 7), []float64{-1, 1 << 30, 7}},
	{onnx.Int16, le([]int16{-32768, 32767, 7}), packed(5, -32768, 32767, 7), []float64{-32768, 32767, 7}},
	{onnx.Int8, le([]int8{-128, 127, 7}), packed(5, -128, 127, 7), []float64{-128, 127, 7}},
	{onnx.Uint8, []byte{0, 255, 7}, packed(5, 0, 255, 7), []float64{0, 255, 7}},
	{onnx.Uint16, le([]uint16{0, 65535, 7}), packed(5, 0, 65535, 7), []float64{0, 65535, 7}},
	{onnx.Uint32, le([]uint32{0, math.MaxUint32, 7}), packed(11, 0, math.MaxUint32, 7), []float64{0, math.MaxUint32, 7}},
	{onnx.Uint64, le([]uint64{0, 1 << 62, 7}), packed(11, 0, 1<<62, 7), []float64{0, 1 << 62, 7}},
	{onnx.Bool, []byte{0, 1, 1}, packed(5, 0, 1, 1), []float64{0, 1, 1}},
}

func TestElementTypes(t *testing.T) {
	for _, c := range elementCases {
		for form, data := range map[string][]byte{"raw": sub(9, c.raw), "typed": c.typed, "one by one": unpack(c.typed)} {
			t.Run(c.d.String()+" "+form, func(t *testing.T) {
				m, err := read(model(initializer("w", c.d, []int64{3, 1}, data)))
				if err != nil {
					t.Fatal(err)
				}
				checkElements(t, m.Graph.Initializers[0], c.want)
			})
		}
	}
}

// unpack rewrites a packed field as one field for each element.
func unpack(b []byte) (out []byte) {
	field, _, n := protowire.ConsumeTag(b)
	content, _ := protowire.ConsumeBytes(b[n:])
	for len(content) > 0 {
		switch field {
		case 4:
			out = append(protowire.AppendTag(out, field, protowire.Fixed32Type), content[:4]...)
			content = content[4:]
		case 10:
			out = append(protowire.AppendTag(out, field, protowire.Fixed64Type), content[:8]...)
			content = content[8:]
		default:
			v, n := protowire.ConsumeVarint(content)
			out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), v)
			content = content[n:]
		}
	}
	return out
}

func checkElements(t *testing.T, w *onnx.Tensor, want []float64) {
	t.Helper()
	if w.Len() != len(want) || !slices.Equal(w.Dims, []int{len(want), 1}) {
		t.Errorf("dims %v", w.Dims)
	}
	if got, err := w.Float64s(); err != nil || !slices.Equal(got, want) {
		t.Errorf("Float64s %v %v, want %v", got, err, want)
	}
	got, err := w.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != float32(want[i]) {
			t.Errorf("Float32s[%d] = %v, want %v", i, got[i], float32(want[i]))
		}
	}
	ints, err := w.Int64s()
	if w.Type.IsInt() != (err == nil) {
		t.Errorf("Int64s of %s: error %v", w.Type, err)
	}
	for i, v := range ints {
		if v != int64(want[i]) {
			t.Errorf("Int64s[%d] = %d, want %v", i, v, want[i])
		}
	}
}

// TestFloat32sSharesMemory makes sure that float32 weights are not copied.
func TestFloat32sSharesMemory(t *testing.T) {
	m, err := read(model(initializer("w", onnx.Float32, []int64{4}, sub(9, le([]float32{1, 2, 3, 4})))))
	if err != nil {
		t.Fatal(err)
	}
	w := m.Graph.Initializers[0]
	if n := testing.AllocsPerRun(10, func() { w.Float32s() }); n != 0 {
		t.Errorf("Float32s allocates %v times", n)
	}
}

// TestUnalignedBytes gives conversions memory that no array of numbers may lie at.
func TestUnalignedBytes(t *testing.T) {
	for _, c := range elementCases {
		buf := append([]byte{0}, c.raw...)
		w, err := onnx.NewTensor("w", c.d, []int{3, 1}, buf[1:])
		if err != nil {
			t.Fatal(err)
		}
		checkElements(t, w, c.want)
	}
}

func TestLargeTensors(t *testing.T) {
	values := make([]float32, 1<<16)
	ints := make([]int64, len(values))
	for i := range values {
		values[i], ints[i] = float32(i)-100.5, int64(i)<<20
	}
	m, err := read(model(
		initializer("raw", onnx.Float32, []int64{256, 256}, sub(9, le(values))),
		initializer("typed", onnx.Float32, []int64{256, 256}, sub(4, le(values[:100])), sub(4, le(values[100:]))),
		initializer("ints", onnx.Int64, []int64{1 << 16}, packed(7, ints[:5]...), packed(7, ints[5:]...))))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range m.Graph.Initializers[:2] {
		if got, err := w.Float32s(); err != nil || !slices.Equal(got, values) {
			t.Errorf("%s differs (%v)", w.Name, err)
		}
	}
	if got, err := m.Graph.Initializers[2].Int64s(); err != nil || !slices.Equal(got, ints) {
		t.Errorf("ints differ (%v)", err)
	}
}

func TestStringsAreAnErrorOnlyWhenUsed(t *testing.T) {
	m, err := read(model(initializer("labels", onnx.String, []int64{2}, str(6, "a"), str(6, "bc"))))
	if err != nil {
		t.Fatal(err)
	}
	w := m.Graph.Initializers[0]
	if s, err := w.Strings(); err != nil || len(s) != 2 || string(s[1]) != "bc" {
		t.Errorf("%q %v", s, err)
	}
	if _, err := w.Float32s(); err == nil || !strings.Contains(err.Error(), "labels") {
		t.Errorf("error %v", err)
	}
}

func TestRelease(t *testing.T) {
	w, err := onnx.NewFloat32("w", []int{2}, []float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	w.Release()
	if _, err := w.Float32s(); err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("error %v", err)
	}
	if err := w.SetFloat32s([]float32{3, 4}); err != nil {
		t.Fatal(err)
	}
	if v, err := w.Float32s(); err != nil || v[1] != 4 {
		t.Errorf("%v %v", v, err)
	}
}

func TestNarrowValuesRoundOnSet(t *testing.T) {
	for _, c := range []struct {
		d    onnx.DType
		want float64
	}{{onnx.Float64, float64(float32(0.1))}, {onnx.Float32, float64(float32(0.1))}, {onnx.Float16, 0.0999755859375}, {onnx.BFloat16, 0.10009765625}} {
		w, err := onnx.NewTensor("w", c.d, nil, make([]byte, c.d.Size()))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SetFloat32s([]float32{0.1}); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Float64s(); err != nil || got[0] != c.want {
			t.Errorf("%s: %v %v, want %v", c.d, got, err, c.want)
		}
	}
	w, _ := onnx.NewInt64("shape", []int{1}, []int64{3})
	if err := w.SetFloat32s([]float32{1}); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Errorf("whole numbers were set from float32: %v", err)
	}
}
