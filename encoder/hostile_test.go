package encoder

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// hostileFile is a file that must be refused with an error that names the culprit.
type hostileFile struct {
	name, culprit string
	bytes         []byte
	model         *onnx.Model // instead of bytes
}

// victim is a small healthy encoder: patches, a projection, a pooled output.
func victim(t *testing.T) *onnx.Model {
	m := onnx.NewModel("victim", 17)
	m.Graph.AddInput("pixels", onnx.Float32, onnx.Symbolic("batch"), onnx.Dim{Value: 3}, onnx.Dim{Value: 16}, onnx.Dim{Value: 16})
	addFloats(t, m, "kernel", []int{8, 3, 4, 4}, 0.1)
	addFloats(t, m, "weight", []int{8, 8}, 0.2)
	addInts(t, m, "flat", []int{3}, 0, 8, -1)
	add := func(op, in, out string, attrs ...*onnx.Attribute) {
		n := node(op, in, out, attrs...)
		n.Name = "node of " + out
		m.Graph.Nodes = append(m.Graph.Nodes, n)
	}
	add("Conv", "pixels kernel", "map", onnx.IntsAttr("strides", 4, 4))
	add("Reshape", "map flat", "rows")
	add("Transpose", "rows", "tokens", onnx.IntsAttr("perm", 0, 2, 1))
	add("MatMul", "tokens weight", "hidden")
	add("Relu", "hidden", "active")
	add("ReduceMean", "active", "embedding", onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0))
	m.Graph.AddOutput("embedding", onnx.Float32)
	return m
}

// with gives a victim with a node whose result the embedding is multiplied by, and with constants.
func with(t *testing.T, consts map[string][]int64, nodes ...*onnx.Node) *onnx.Model {
	m := victim(t)
	for name, v := range consts {
		if name == "cond" {
			c, err := onnx.NewTensor(name, onnx.Bool, nil, []byte{byte(v[0])})
			if err != nil {
				t.Fatal(err)
			}
			m.Graph.AddInitializer(c)
			continue
		}
		dims := []int{len(v)}
		if strings.HasPrefix(name, "s_") {
			dims = nil
		}
		addInts(t, m, name, dims, v...)
	}
	for i, n := range nodes {
		n.Name = "bomb"
		if i > 0 {
			n.Name = fmt.Sprint("bomb ", i)
		}
	}
	last := m.Graph.Nodes[len(m.Graph.Nodes)-1]
	last.Outputs[0] = "harmless"
	m.Graph.Nodes = append(append(m.Graph.Nodes, nodes...), node("ReduceMean", "out", "mean_of_out"), node("Mul", "harmless mean_of_out", "embedding"))
	return m
}

// bombs unfold into far more than they weigh.
func bombs(t *testing.T) (list []hostileFile) {
	add := func(name string, consts map[string][]int64, nodes ...*onnx.Node) {
		list = append(list, hostileFile{name: name, culprit: "bomb", model: with(t, consts, nodes...)})
	}
	type ints = map[string][]int64
	big := int64(1) << 33
	add("ConstantOfShape of 2^33", ints{"n": {big}}, node("ConstantOfShape", "n", "out"))
	add("ConstantOfShape of 2^62", ints{"n": {1 << 31, 1 << 31}}, node("ConstantOfShape", "n", "out"))
	add("ConstantOfShape that wraps around", ints{"n": {1 << 32, 1 << 32}}, node("ConstantOfShape", "n", "out"))
	add("negative ConstantOfShape", ints{"n": {-5}}, node("ConstantOfShape", "n", "out"))
	add("Expand of a constant", ints{"n": {big}, "s_one": {1}}, node("Expand", "s_one n", "out"))
	add("Expand of the image", ints{"n": {1 << 20, 3, 16, 16}}, node("Expand", "pixels n", "out"))
	add("Tile", ints{"n": {1 << 20, 1 << 20, 1, 1}}, node("Tile", "pixels n", "out"))
	add("Range", ints{"s_a": {0}, "s_b": {1 << 40}, "s_c": {1}}, node("Range", "s_a s_b s_c", "out"))
	add("Range without step", ints{"s_a": {0}, "s_b": {5}, "s_c": {0}}, node("Range", "s_a s_b s_c", "out"))
	add("Pad", ints{"n": {0, 0, 0, 0, 0, 0, 1 << 40, 0}}, node("Pad", "pixels n", "out"))
	add("Pad by reflection", ints{"n": {0, 0, 0, 0, 0, 0, 1 << 40, 0}}, node("Pad", "pixels n", "out", onnx.StringAttr("mode", "reflect")))
	add("Pad by 2^63", ints{"n": {0, 0, 0, math.MaxInt64, 0, 0, 0, math.MaxInt64}}, node("Pad", "pixels n", "out"))
	add("OneHot", ints{"n": {1}, "s_d": {1 << 40}, "v": {0, 1}}, node("OneHot", "n s_d v", "out"))
	add("EyeLike", ints{"n": {1 << 16, 1 << 16}}, node("ConstantOfShape", "n", "m"), node("EyeLike", "m", "out"))
	add("Resize", ints{"n": {1, 3, 1 << 40, 16}}, &onnx.Node{OpType: "Resize", Inputs: []string{"pixels", "", "", "n"}, Outputs: []string{"out"}})
	add("Einsum", nil, node("Einsum", "pixels pixels pixels", "out", onnx.StringAttr("equation", "abcd,efgh,ijkl->abcdefghijkl")))
	add("ConvTranspose", nil, node("ConvTranspose", "map kernel", "out", onnx.IntsAttr("strides", 1<<30, 1<<30)))
	add("Conv of no stride", nil, node("Conv", "pixels kernel", "out", onnx.IntsAttr("strides", 0, 0)))
	add("Conv of endless dilation", nil, node("Conv", "pixels kernel", "out", onnx.IntsAttr("dilations", 1<<62, 1<<62)))
	add("Conv of endless padding", nil, node("Conv", "pixels kernel", "out", onnx.IntsAttr("pads", 1<<40, 1<<40, 1<<40, 1<<40)))
	add("AveragePool of endless padding", nil, node("AveragePool", "pixels", "out", onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("pads", 1<<40, 0, 1<<40, 0)))
	add("DepthToSpace", nil, node("DepthToSpace", "pixels", "out", onnx.IntAttr("blocksize", 1<<40)))
	add("TopK", ints{"k": {1 << 40}}, node("TopK", "pixels k", "out idx"))
	add("Split", nil, node("Split", "pixels", "out rest", onnx.IntAttr("axis", 9)))
	add("Reshape to 2^62", ints{"n": {1 << 31, 1 << 31}}, node("Reshape", "pixels n", "out"))
	add("Reshape with two unknowns", ints{"n": {-1, -1}}, node("Reshape", "pixels n", "out"))
	add("Unsqueeze twice at one place", ints{"n": {0, 0}}, node("Unsqueeze", "pixels n", "out"))
	add("Gather far outside", ints{"n": {1 << 40}}, node("Gather", "pixels n", "out"))
	add("GatherND far outside", ints{"n": {1 << 40}}, node("GatherND", "pixels n", "out"))
	add("Scatter far outside", ints{"n": {1 << 40}, "u": {1}}, node("Reshape", "pixels minus", "flat_x"), node("ScatterElements", "flat_x n u", "out"))
	add("NonZero of the image", nil, node("NonZero", "pixels", "out"))
	add("Unique", nil, node("Unique", "pixels", "out"))
	add("random numbers", nil, node("RandomNormalLike", "pixels", "out"))
	add("an unknown operator", nil, node("Frobnicate", "pixels", "out"))
	add("an LSTM", nil, node("LSTM", "pixels kernel weight", "out"))
	add("a missing tensor", nil, node("Add", "pixels nowhere", "out"))
	add("a cycle", nil, node("Add", "pixels there", "out"), node("Relu", "out", "there"))
	add("a node that reads itself", nil, node("Add", "pixels out", "out"))
	add("two producers", nil, node("Relu", "pixels", "out"), node("Neg", "pixels", "out"))
	add("integer division by zero", ints{"s_a": {1}, "s_b": {0}}, node("Div", "s_a s_b", "out"))
	add("a shape that depends on the image", nil, node("Cast", "embedding_", "i", onnx.IntAttr("to", 7)), node("Reshape", "pixels i", "out"))
	add("training mode", nil, node("BatchNormalization", "map kernel kernel kernel kernel", "out", onnx.IntAttr("training_mode", 1)))
	add("nchwc layout", nil, &onnx.Node{OpType: "Conv", Domain: "com.microsoft.nchwc", Inputs: []string{"pixels", "kernel"}, Outputs: []string{"out"}})
	add("an ATen operator", nil, &onnx.Node{OpType: "ATen", Domain: "org.pytorch.aten", Inputs: []string{"pixels"}, Outputs: []string{"out"}})
	return append(list, spirals(t)...)
}

// spirals are loops, branches, functions and chains without a useful end.
func spirals(t *testing.T) (list []hostileFile) {
	type ints = map[string][]int64
	body := func(depth int) *onnx.Graph {
		var g *onnx.Graph
		for range depth {
			b := &onnx.Graph{Name: "body", Nodes: []*onnx.Node{node("Identity", "go_", "go_on"), node("Identity", "v", "w")}}
			if g != nil {
				b.Nodes[1] = node("Loop", "s_n cond v", "w", onnx.GraphAttr("body", g))
			}
			b.AddInput("i", onnx.Int64)
			b.AddInput("go_", onnx.Bool)
			b.AddInput("v", onnx.Float32)
			b.AddOutput("go_on", onnx.Bool)
			b.AddOutput("w", onnx.Float32)
			g = b
		}
		return g
	}
	loop := func(name, in string, n int64, depth int) {
		m := with(t, ints{"s_n": {n}, "cond": {1}}, node("Loop", in, "out", onnx.GraphAttr("body", body(depth))))
		if strings.HasPrefix(in, "- ") {
			m.Graph.Nodes[len(m.Graph.Nodes)-3].Inputs[0] = ""
		}
		list = append(list, hostileFile{name: name, culprit: "node", model: m})
	}
	loop("a Loop without end", "- cond pixels", 0, 1)
	loop("a Loop of 2^62 rounds", "s_n cond pixels", 1<<62, 1)
	loop("Loops in Loops", "s_n cond pixels", 4000, 4)
	call := func(op, in, out string) *onnx.Node {
		n := node(op, in, out)
		n.Domain = "f"
		return n
	}
	function := func(name string, nodes ...*onnx.Node) *onnx.Function {
		return &onnx.Function{Domain: "f", Name: name, Inputs: []string{"x"}, Outputs: []string{"y"}, Nodes: nodes, Opsets: map[string]int64{"": 17, "f": 1}}
	}
	m := with(t, nil, call("Self", "pixels", "out"))
	m.Functions = []*onnx.Function{function("Self", call("Self", "x", "y"))}
	m.Opsets["f"] = 1
	list = append(list, hostileFile{name: "a function that calls itself", culprit: "Self", model: m})
	m = with(t, nil, call("Even", "pixels", "out"))
	m.Functions = []*onnx.Function{function("Even", call("Odd", "x", "y")), function("Odd", call("Even", "x", "y"))}
	m.Opsets["f"] = 1
	list = append(list, hostileFile{name: "functions that call each other", culprit: "nested deeper", model: m})
	m = with(t, nil, call("F0", "pixels", "out"))
	for i := range 30 {
		next := fmt.Sprint("F", i+1)
		m.Functions = append(m.Functions, function(fmt.Sprint("F", i), call(next, "x", "a"), call(next, "a", "y")))
	}
	m.Functions = append(m.Functions, function("F30", node("Relu", "x", "y")))
	m.Opsets["f"] = 1
	list = append(list, hostileFile{name: "functions that double", culprit: "F", model: m})
	m = with(t, nil)
	x := "pixels"
	for i := range 45 {
		y := fmt.Sprint("twice", i)
		n := node("Concat", x+" "+x, y, onnx.IntAttr("axis", 0))
		n.Name = "bomb"
		m.Graph.Nodes = append([]*onnx.Node{n}, m.Graph.Nodes...)
		x = y
	}
	m.Graph.Nodes[len(m.Graph.Nodes)-2].Inputs[0] = x
	list = append(list, hostileFile{name: "a sequence that doubles", culprit: "bomb", model: m})
	m = with(t, ints{"k": make([]int64, 1024)})
	x = "k"
	for i := range 45 {
		y := fmt.Sprint("twice", i)
		n := node("Concat", x+" "+x, y, onnx.IntAttr("axis", 0))
		n.Name = "bomb"
		m.Graph.Nodes = append([]*onnx.Node{n}, m.Graph.Nodes...)
		x = y
	}
	m.Graph.Nodes[len(m.Graph.Nodes)-2].Inputs[0] = x
	return append(list, hostileFile{name: "a constant that doubles", culprit: "bomb", model: m})
}

// interfaces are inputs and outputs that make no sense.
func interfaces(t *testing.T) (list []hostileFile) {
	change := func(name, culprit string, f func(m *onnx.Model)) {
		m := victim(t)
		f(m)
		list = append(list, hostileFile{name: name, culprit: culprit, model: m})
	}
	for name, d := range map[string][]int64{
		"a wide image": {1, 3, 16, 1 << 40}, "a high image": {1, 3, 1 << 31, 16}, "a deep image": {1, 1 << 40, 16, 16}, "an image of nothing": {1, 3, 0, 0},
		"rank 3": {3, 16, 16}, "rank 5": {1, 1, 3, 16, 16}, "rank 0": {},
	} {
		change(name, "pixels", func(m *onnx.Model) {
			m.Graph.Inputs[0].Dims = nil
			for _, v := range d {
				m.Graph.Inputs[0].Dims = append(m.Graph.Inputs[0].Dims, onnx.Dim{Value: v})
			}
		})
	}
	change("no input", "no input", func(m *onnx.Model) { m.Graph.Inputs = nil })
	change("an image of strings", "pixels", func(m *onnx.Model) { m.Graph.Inputs[0].Type = onnx.String })
	change("no output", "no output", func(m *onnx.Model) { m.Graph.Outputs = nil })
	change("an output that nothing makes", "phantom", func(m *onnx.Model) { m.Graph.Outputs[0].Name = "phantom" })
	change("a half open image size", "pixels", func(m *onnx.Model) { m.Graph.Inputs[0].Dims[2] = onnx.Dim{Value: 1 << 50} })
	for i := range victim(t).Graph.Nodes { // every node with an input too few, a wrong attribute, a wrong rank
		n := victim(t).Graph.Nodes[i]
		change("no inputs of "+n.OpType, n.Name, func(m *onnx.Model) { m.Graph.Nodes[i].Inputs = nil })
		change("empty inputs of "+n.OpType, n.Name, func(m *onnx.Model) { m.Graph.Nodes[i].Inputs = make([]string, len(n.Inputs)) })
		change("unknown inputs of "+n.OpType, n.Name, func(m *onnx.Model) { m.Graph.Nodes[i].Inputs = []string{"phantom", "phantom"} })
		change("domain of "+n.OpType, n.Name, func(m *onnx.Model) { m.Graph.Nodes[i].Domain = "nowhere" })
		for a := range n.Attrs {
			change("attribute "+a+" of "+n.OpType, n.Name, func(m *onnx.Model) {
				m.Graph.Nodes[i].Attrs = map[string]*onnx.Attribute{a: onnx.StringAttr(a, "x")}
			})
		}
	}
	return list
}

// damaged are the bytes of a healthy file, cut or with a broken head.
func damaged(t *testing.T, dir string) (list []hostileFile) {
	path := filepath.Join(dir, "victim.onnx")
	if err := victim(t).Save(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 96 {
		n := len(whole) * i / 100
		list = append(list, hostileFile{name: fmt.Sprintf("cut at byte %d", n), culprit: "", bytes: whole[:n]})
	}
	for name, head := range map[string]string{
		"zip": "PK\x03\x04", "pickle": "\x80\x02}q", "text": "hello world, this is text", "PNG": "\x89PNG\r\n\x1a\n", "HTML": "<!DOCTYPE html>", "zeros": strings.Repeat("\x00", 99),
		"ones": strings.Repeat("\xff", 99), "safetensors": "\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{}}", "NumPy": "\x93NUMPY\x01\x00", "LFS pointer": "version https://git-lfs.github.com/spec/v1\n",
	} {
		list = append(list, hostileFile{name: "head of " + name, culprit: "is not an ONNX model", bytes: append([]byte(head), whole...)[:max(len(head), 64)]})
	}
	return list
}

// TestHostileFiles opens several hundred files that must be refused: each with an error that names what is wrong,
// within ten seconds and 256 MiB of everything allocated.
func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	files := slices.Concat(bombs(t), nonsense(t), interfaces(t), damaged(t, dir))
	for i, f := range files {
		path := filepath.Join(dir, fmt.Sprint(i, ".onnx"))
		if f.model != nil {
			if err := f.model.Save(path); err != nil {
				t.Fatal(f.name, err)
			}
		} else if err := os.WriteFile(path, f.bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		refuse(t, f.name, f.culprit, path)
	}
	n := len(files) + externalEscapes(t)
	if n < 200 {
		t.Errorf("only %d files", n)
	}
	t.Log(n, "files")
}

func refuse(t *testing.T, name, culprit, path string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := Open(path)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	switch mib := (after.TotalAlloc - before.TotalAlloc) >> 20; {
	case err == nil:
		t.Errorf("%s: was accepted", name)
	case !strings.Contains(err.Error(), culprit) || !strings.Contains(err.Error(), filepath.Base(path)) || len(err.Error()) > 4096:
		t.Errorf("%s: error %.300q does not name %q", name, err, culprit)
	case mib > 256 || took > 10*time.Second:
		t.Errorf("%s: %d MiB and %v before %v", name, mib, took, err)
	}
}

// externalEscapes tries to read outside the model's folder, and returns how often.
func externalEscapes(t *testing.T) int {
	root := t.TempDir()
	dir := filepath.Join(root, "model")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(root, "secret.bin")
	if err := os.WriteFile(secret, make([]byte, 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out.bin": secret, "up": "..", "device.bin": "/dev/zero", "round.bin": "round.bin"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	places := []string{
		"../secret.bin", "folder/../../secret.bin", "./../secret.bin", secret, "/dev/zero", "/etc/passwd", "out.bin", "up/secret.bin", "device.bin",
		"round.bin", "folder", "absent.bin", "", "folder/absent.bin", "..", ".", "/", "../model/../secret.bin",
	}
	for i, place := range places {
		m := victim(t)
		path := filepath.Join(dir, fmt.Sprint(i, ".onnx"))
		if err := os.WriteFile(path, externalise(t, m, place), 0o644); err != nil {
			t.Fatal(err)
		}
		refuse(t, "external data at "+place, "weight", path)
	}
	return len(places)
}

// externalise writes m with the data of its constant "weight" at a place outside the file.
func externalise(t *testing.T, m *onnx.Model, place string) []byte {
	var kept []*onnx.Tensor
	for _, c := range m.Graph.Initializers {
		if c.Name != "weight" {
			kept = append(kept, c)
		}
	}
	m.Graph.Initializers = kept
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	field := func(b []byte, num protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
	}
	number := func(b []byte, num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
	}
	entry := field(field(nil, 1, []byte("location")), 2, []byte(place))
	weight := number(number(number(nil, 1, 8), 1, 8), 2, uint64(onnx.Float32))
	weight = number(field(field(weight, 8, []byte("weight")), 13, entry), 14, 1)
	var out []byte
	for rest := b.Bytes(); len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(num, typ, rest[n:])
		if num != 7 {
			out = append(out, rest[:n+size]...)
		} else {
			graph, _ := protowire.ConsumeBytes(rest[n:])
			out = field(out, 7, field(append([]byte(nil), graph...), 5, weight))
		}
		rest = rest[n+size:]
	}
	return out
}
