package onnx_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// hostile is a file that must be refused, and what its error must name.
type hostile struct {
	name    string
	file    []byte
	culprit []string
}

func f32(n int) []byte { return sub(9, make([]byte, 4*n)) }

// overlong is a field that declares n bytes and has none.
func overlong(field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), n)
}

var hostileFiles = []hostile{
	{"empty", nil, []string{"is not an ONNX model", "empty"}},
	{"zip", []byte("PK\x03\x04 and so on"), []string{"is not an ONNX model", "zip"}},
	{"pickle", []byte("\x80\x02}q\x00."), []string{"is not an ONNX model", "pickle"}},
	{"safetensors", []byte("\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{}}"), []string{"is not an ONNX model", "safetensors"}},
	{"LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), []string{"is not an ONNX model", "git lfs pull"}},
	{"ORT format", []byte("\x20\x00\x00\x00ORTM1234"), []string{"is not an ONNX model", "ONNX Runtime"}},
	{"web page", []byte("<!DOCTYPE html><html>"), []string{"is not an ONNX model", "HTML"}},
	{"PNG", []byte("\x89PNG\r\n\x1a\n"), []string{"is not an ONNX model", "PNG"}},
	{"NumPy", []byte("\x93NUMPY\x01\x00"), []string{"is not an ONNX model", "NumPy"}},
	{"text", []byte("hello, this is not a model at all"), []string{"is not an ONNX model"}},
	{"zeros", make([]byte, 1000), []string{"is not an ONNX model"}},
	{"ones", bytes.Repeat([]byte{0xff}, 1000), []string{"is not an ONNX model"}},
	{"no graph", slices.Concat(num(1, 8), sub(8, num(2, 17))), []string{"is not an ONNX model", "no graph"}},
	{"no IR version", sub(7, node("Relu")), []string{"is not an ONNX model", "ir_version"}},
	{"negative IR version", slices.Concat(num(1, -1), sub(7, node("Relu"))), []string{"is not an ONNX model", "ir_version is -1"}},
	{"group", slices.Concat(num(1, 8), []byte{0x0b, 0x0c}), []string{"wire type 3"}},
	{"two graphs", slices.Concat(model(node("Relu")), sub(7, node("Relu"))), []string{"graph appears twice"}},
	{"two opset versions", slices.Concat(model(node("Relu")), sub(8, str(1, "ai.onnx"), num(2, 9))), []string{"opset_import", "two versions"}},
	{"tag 0 in graph", model([]byte{0, 0}), []string{"graph", "no protobuf field"}},
	{"endless varint", model(bytes.Repeat([]byte{0x80}, 12)), []string{"graph", "inside a number"}},
	{"string 2^63 long", model(overlong(2, 1<<63)), []string{"graph", "name declares"}},
	{"node beyond graph", model(overlong(1, 1<<40)), []string{"graph", "node declares 1099511627776 bytes"}},
	{"no op_type", model(sub(1, str(3, "nameless op"))), []string{"graph: node 0", "nameless op", "op_type"}},

	{"data short", model(initializer("w", onnx.Float32, []int64{2, 2}, sub(9, make([]byte, 12)))), []string{`initializer 0 "w"`, "raw_data has 12 bytes", "[2 2]", "need 16"}},
	{"data long", model(initializer("w", onnx.Float32, []int64{1}, f32(2))), []string{`"w"`, "raw_data has 8 bytes", "need 4"}},
	{"no data", model(initializer("w", onnx.Float32, []int64{3})), []string{`"w"`, "has 0 bytes", "need 12"}},
	{"scalar without data", model(initializer("w", onnx.Float32, nil)), []string{`"w"`, "need 4"}},
	{"negative dimension", model(initializer("w", onnx.Float32, []int64{2, -2}, f32(4))), []string{`"w"`, "dimension 1 is negative"}},
	{"2^40 dimension", model(initializer("w", onnx.Float32, []int64{1 << 40}, f32(4))), []string{`"w"`, "need 4398046511104"}},
	{"2^62 dimension", model(initializer("w", onnx.Float32, []int64{1 << 62}, f32(4))), []string{`"w"`, "number of elements"}},
	{"dimensions whose product wraps to 4", model(initializer("w", onnx.Float32, []int64{1 << 33, 1 << 33, 4}, f32(4))), []string{`"w"`, "number of elements"}},
	{"huge dimension beside a zero", model(initializer("w", onnx.Float32, []int64{0, math.MaxInt64})), []string{`"w"`, "number of elements"}},
	{"rank 65", model(initializer("w", onnx.Float32, slices.Repeat([]int64{1}, 65), f32(1))), []string{`"w"`, "65 dimensions"}},
	{"packed rank 1000", model(sub(5, str(8, "w"), packed(1, slices.Repeat([]int64{1}, 1000)...))), []string{`"w"`, "more than 64 dimensions"}},
	{"no data type", model(sub(5, str(8, "w"), f32(1))), []string{`"w"`, "data_type 0"}},
	{"unknown data type", model(initializer("w", 99, nil, f32(1))), []string{`"w"`, "data_type 99"}},
	{"negative data type", model(initializer("w", -1, nil, f32(1))), []string{`"w"`, "data_type -1"}},
	{"raw_data beyond file", model(sub(5, num(1, 1<<20), num(2, 1), str(8, "w"), overlong(9, 4<<20))), []string{`"w"`, "raw_data declares 4194304 bytes"}},
	{"raw_data twice", model(initializer("w", onnx.Float32, []int64{2}, f32(1), f32(1))), []string{`"w"`, "raw_data appears twice"}},
	{"raw and typed data", model(initializer("w", onnx.Float32, []int64{2}, f32(1), sub(4, make([]byte, 4)))), []string{`"w"`, "two fields"}},
	{"packed and unpacked data", model(initializer("w", onnx.Int64, []int64{2}, packed(7, 1, 2), num(7, 3))), []string{`"w"`, "both packed and one by one"}},
	{"float_data of int64", model(initializer("w", onnx.Int64, []int64{2}, sub(4, make([]byte, 16)))), []string{`"w"`, "float_data: cannot hold elements of int64"}},
	{"int32_data of int64", model(initializer("w", onnx.Int64, []int64{2}, packed(5, 1, 2))), []string{`"w"`, "int32_data: cannot hold"}},
	{"too few integers", model(initializer("w", onnx.Int64, []int64{3}, packed(7, 1, 1<<40))), []string{`"w"`, "int64_data: holds 2 integers"}},
	{"too many integers", model(initializer("w", onnx.Int64, []int64{3}, packed(7, 1, 2, 3, 4))), []string{`"w"`, "int64_data: holds more integers"}},
	{"far too few integers", model(initializer("w", onnx.Int64, []int64{1 << 40}, packed(7, 1, 2, 3, 4))), []string{`"w"`, "cannot be the 1099511627776 integers"}},
	{"integer cut off", model(initializer("w", onnx.Int64, []int64{3}, sub(7, []byte{1, 1, 0x80}))), []string{`"w"`, "int64_data", "inside a number"}},
	{"int8 out of range", model(initializer("w", onnx.Int8, []int64{2}, packed(5, 1, 300))), []string{`"w"`, "int32_data: integer at byte", "300 does not fit int8"}},
	{"float16 bits out of range", model(initializer("w", onnx.Float16, []int64{1}, packed(5, 1<<20))), []string{`"w"`, "does not fit float16"}},
	{"duplicate initializer", model(initializer("w", onnx.Float32, nil, f32(1)), initializer("w", onnx.Float32, nil, f32(1))), []string{`initializer 1 "w"`, "second initializer"}},
	{"initializer without name", model(sub(5, num(2, 1), f32(1))), []string{"initializer 0", "no name"}},
	{"sparse initializer", model(sub(15, sub(1, tensor("sparse w", onnx.Float32, []int64{1}, f32(1))))), []string{`sparse_initializer "sparse w"`, "not supported"}},
	{"sparse initializer with broken values", model(sub(15, sub(1, tensor("sparse w", onnx.Float32, []int64{2}, f32(1))))), []string{`sparse_initializer "sparse w"`, "need 8"}},

	{"constant short", model(node("Constant", sub(5, str(1, "value"), sub(5, tensor("c", onnx.Float32, []int64{2}, f32(1))), num(20, 4)))),
		[]string{`node 0 "the node" (Constant)`, `attribute "value"`, `tensor "c"`, "need 8"}},
	{"attribute twice", model(node("Relu", sub(5, str(1, "a"), num(3, 1)), sub(5, str(1, "a"), num(3, 1)))), []string{`"the node" (Relu)`, `attribute "a": appears twice`}},
	{"attribute without name", model(node("Relu", sub(5, num(3, 1)))), []string{`"the node"`, "no name"}},
	{"attribute of two kinds", model(node("Relu", sub(5, str(1, "a"), num(3, 1), str(4, "s")))), []string{`"the node"`, `attribute "a": holds both`}},
	{"attribute of another kind", model(node("Relu", sub(5, str(1, "a"), num(3, 1), num(20, 7)))), []string{`attribute "a": is declared as ints but holds a int value`}},
	{"attribute of unknown kind", model(node("Relu", sub(5, str(1, "a"), num(20, 77)))), []string{`attribute "a": type 77`}},
	{"graph attribute without graph", model(node("If", sub(5, str(1, "then_branch"), num(20, 5)))), []string{`attribute "then_branch": is declared as graph but holds none`}},
	{"two tensors in an attribute", model(node("Constant", sub(5, str(1, "value"), sub(5, tensor("c", 1, nil, f32(1))), sub(5, tensor("c", 1, nil, f32(1)))))), []string{"t appears twice"}},
	{"subgraph with a broken weight", model(node("If", sub(5, str(1, "then_branch"), sub(6, initializer("deep", 1, []int64{2}, f32(1))), num(20, 5)))), []string{`"the node" (If)`, `"then_branch"`, `subgraph: initializer 0 "deep"`}},
	{"function with a broken node", slices.Concat(model(node("F")), sub(25, str(1, "F"), str(10, "dom"), sub(7, str(3, "inner")))), []string{`function 0 "dom.F"`, `node 0 "inner"`, "op_type"}},

	{"function twice", slices.Concat(model(node("F")), sub(25, str(1, "F"), str(10, "dom")), sub(25, str(1, "F"), str(10, "dom"))), []string{`function 1 "dom.F"`, "second function"}},
	{"reference with a value", slices.Concat(model(node("F")), sub(25, str(1, "F"), sub(7, str(4, "Relu"), sub(5, str(1, "a"), num(3, 1), str(21, "b"))))), []string{`attribute "a": refers to`, `"b"`}},
	{"unknown element type of input", model(sub(11, str(1, "pixels"), sub(2, sub(1, num(1, 1000))))), []string{`input 0: "pixels"`, "elem_type 1000"}},
	{"input of rank 65", model(sub(11, str(1, "pixels"), sub(2, sub(1, num(1, 1), sub(2, bytes.Repeat(sub(1), 65)))))), []string{`"pixels"`, "65 dimensions"}},
	{"broken value_info", model(sub(13, []byte{0x0a, 0x7f})), []string{"value_info 0", "malformed"}},
	{"giant value_info", model(sub(13, make([]byte, 2<<20))), []string{"value_info 0", "2097152 bytes"}},
	{"external data without a folder", model(sub(5, num(2, 1), str(8, "w"), sub(13, str(1, "location"), str(2, "w.bin")), num(14, 1))), []string{`"w"`, "external_data", `"w.bin"`, "no folder"}},
}

func TestHostileFiles(t *testing.T) {
	for _, h := range hostileFiles {
		t.Run(h.name, func(t *testing.T) {
			_, err := read(h.file)
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, c := range h.culprit {
				if !strings.Contains(err.Error(), c) {
					t.Errorf("%q does not say %q", err, c)
				}
			}
		})
	}
}

// TestTruncation cuts a model at every byte. Each error must come from the field that is cut.
func TestTruncation(t *testing.T) {
	whole := model(node("Constant", sub(5, str(1, "value"), sub(5, tensor("c", onnx.Float32, []int64{2}, f32(2))), num(20, 4))),
		initializer("w", onnx.Int64, []int64{2}, packed(7, 1, 2)), sub(11, str(1, "pixels"), sub(2, sub(1, num(1, 1)))))
	if _, err := read(whole); err != nil {
		t.Fatal(err)
	}
	tail := len(sub(8, num(2, 17)))
	for n := range len(whole) - tail {
		if m, err := read(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted: %v", n, len(whole), m)
		}
	}
	at := bytes.Index(whole, f32(2)) + 5
	_, err := read(whole[:at])
	for _, c := range []string{`node 0 "the node" (Constant)`, `attribute "value"`, `tensor "c"`, "raw_data declares 8 bytes", "only 3 follow"} {
		if !strings.Contains(err.Error(), c) {
			t.Errorf("%q does not say %q", err, c)
		}
	}
}

// TestBombs feeds small files that unfold into much memory. Everything allocated while refusing one counts.
func TestBombs(t *testing.T) {
	deep := node("Relu")
	for range 200 {
		deep = node("If", sub(5, str(1, "then_branch"), sub(6, deep), num(20, 5)))
	}
	fill := func(b []byte) []byte { return bytes.Repeat(b, (8<<20)/len(b)) }
	for _, h := range []hostile{
		{"deep subgraphs", model(deep), []string{"nested more than 16 deep"}},
		{"empty nodes", model(fill(sub(1, str(4, "R")))), []string{"more than 100000 nodes"}},
		{"empty attributes", model(sub(1, fill(sub(5)))), []string{"attribute", "no name"}},
		{"many attributes", model(fill(node("R", sub(5, str(1, "a"), num(3, 1))))), []string{"more than"}},
		{"empty inputs of a node", model(sub(1, fill(str(1, "")))), []string{"structure exceeds"}},
		{"empty initializers", model(fill(sub(5))), []string{"data_type 0"}},
		{"tiny tensors", model(node("R", sub(5, str(1, "a"), fill(sub(10, num(2, 1), f32(1)))))), []string{"structure exceeds"}},
		{"empty value_info", model(fill(sub(13))), []string{"structure exceeds"}},
		{"empty strings", model(sub(5, str(8, "s"), num(2, 8), fill(str(6, "")))), []string{"structure exceeds"}},
		{"packed ints", model(node("R", sub(5, str(1, "a"), sub(8, make([]byte, 64<<20))))), []string{"structure exceeds"}},
		{"unpacked ints", model(node("R", sub(5, str(1, "a"), fill(num(8, 1))))), []string{"structure exceeds"}},
		{"empty data fields", model(sub(5, str(8, "s"), num(2, 1), fill(sub(9)))), []string{"structure exceeds"}},
		{"pieces of data", model(sub(5, str(8, "s"), num(2, 1), fill(sub(4, make([]byte, 4))))), []string{"more than 1024 fields"}},
		{"empty functions", slices.Concat(model(node("R")), fill(sub(25))), []string{"second function"}},
		{"metadata", slices.Concat(model(node("R")), fill(sub(14))), []string{"structure exceeds"}},
		{"a giant name", model(sub(1, str(3, strings.Repeat("n", 1<<20)))), []string{"op_type"}},
	} {
		t.Run(h.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := read(h.file)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), h.culprit[0]) {
				t.Errorf("error %v does not say %q", err, h.culprit[0])
			}
			if err != nil && len(err.Error()) > 4096 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 256 {
				t.Errorf("allocated %d MiB", mib)
			}
			t.Logf("%d MiB for a file of %d: %v", (after.TotalAlloc-before.TotalAlloc)>>20, len(h.file)>>20, err)
		})
	}
}

func TestLimits(t *testing.T) {
	file := model(node("Relu"), node("Relu"), initializer("w", onnx.Float32, []int64{4}, f32(4)))
	for _, c := range []struct {
		name    string
		change  func(*onnx.Limits)
		culprit string
	}{
		{"bytes", func(l *onnx.Limits) { l.MaxBytes = 15 }, "16 bytes of tensor data"},
		{"nodes", func(l *onnx.Limits) { l.MaxNodes = 1 }, "more than 1 nodes"},
		{"structure", func(l *onnx.Limits) { l.MaxStructure = 100 }, "structure exceeds"},
		{"depth", func(l *onnx.Limits) { l.MaxDepth = 0 }, "nested more than 0 deep"},
	} {
		lim := onnx.DefaultLimits()
		c.change(&lim)
		_, err := onnx.Read(bytes.NewReader(file), int64(len(file)), lim)
		if err == nil || !strings.Contains(err.Error(), c.culprit) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.culprit)
		}
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.onnx")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, culprit := range map[string]string{
		dir: "folder", "/dev/zero": "device", filepath.Join(dir, "absent.onnx"): "no such file", empty: "empty",
	} {
		_, err := onnx.Open(path, onnx.DefaultLimits())
		if err == nil || !strings.Contains(err.Error(), culprit) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: error %v", path, err)
		}
	}
}
