package encoder

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// textTower is a small text encoder in CLIP's form: token and position embeddings, one block of pre-norm causal
// attention, a last normalisation, the token with the largest number, a projection.
type textTower struct {
	t                             *testing.T
	vocab, length, width, heads   int
	table, pos, qkv, out, project []float32
}

func newTextTower(t *testing.T) *textTower {
	w := &textTower{t: t, vocab: 20, length: 7, width: 8, heads: 2}
	rng := rand.New(rand.NewPCG(3, 4))
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64()) * 0.5
		}
		return v
	}
	d := w.width
	w.table, w.pos, w.qkv, w.out, w.project = fill(w.vocab*d), fill(w.length*d), fill(3*d*d), fill(d*d), fill(d*5)
	return w
}

// file writes the tower; pooling is "argmax" (OpenAI's, by GatherND) or "equal" (Hugging Face's, by the
// end-of-text token), and dynamic leaves the number of tokens open.
func (w *textTower) file(pooling string, dynamic bool) string {
	m := onnx.NewModel("text", 17)
	g := m.Graph
	d, n := w.width, w.length
	length := onnx.Dim{Value: int64(n)}
	if dynamic {
		length = onnx.Symbolic("tokens")
	}
	g.AddInput("pixel_values", onnx.Float32, onnx.Symbolic("b"), onnx.Dim{Value: 3}, onnx.Dim{Value: 8}, onnx.Dim{Value: 8})
	g.AddInput("input_ids", onnx.Int64, onnx.Symbolic("b"), length)
	g.AddInput("attention_mask", onnx.Int64, onnx.Symbolic("b"), length)
	floats := func(name string, v []float32, dims ...int) { addFloats(w.t, m, name, dims, v...) }
	floats("table", w.table, w.vocab, d)
	floats("pos", w.pos, n, d)
	floats("qkv", w.qkv, d, 3*d)
	floats("out", w.out, d, d)
	floats("project", w.project, d, 5)
	floats("ones", []float32{1}, d)
	floats("zero", []float32{0})
	floats("low", []float32{float32(math.Inf(-1))})
	floats("scale", []float32{float32(1 / math.Sqrt(float64(d/w.heads)))})
	addInts(w.t, m, "split heads", []int{4}, 0, 0, int64(w.heads), int64(d/w.heads))
	addInts(w.t, m, "join heads", []int{3}, 0, 0, int64(d))
	addInts(w.t, m, "eot", nil, int64(w.vocab-1))
	addInts(w.t, m, "i0", []int{1}, 0)
	addInts(w.t, m, "i1", []int{1}, 1)
	addInts(w.t, m, "last", []int{1}, -1)
	add := func(op, in, out string, attrs ...*onnx.Attribute) {
		g.AddNode(op, strings.Split(in, ","), strings.Split(out, ","), attrs...)
	}
	perm := func(p ...int64) *onnx.Attribute { return onnx.IntsAttr("perm", p...) }
	add("Gather", "table,input_ids", "tok")
	add("Shape", "input_ids", "shape")
	add("Slice", "shape,i1,eot1", "len")
	addInts(w.t, m, "eot1", []int{1}, 2)
	add("Slice", "pos,i0,len,i0", "posn")
	add("Add", "tok,posn", "x")
	add("LayerNormalization", "x,ones", "h")
	add("MatMul", "h,qkv", "p")
	add("Split", "p", "q,k,v", onnx.IntAttr("axis", -1))
	for _, s := range []string{"q", "k", "v"} {
		add("Reshape", s+",split heads", s+"r")
		add("Transpose", s+"r", s+"t", perm(0, 2, 1, 3))
	}
	add("Transpose", "kt", "kT", perm(0, 1, 3, 2))
	add("MatMul", "qt,kT", "s")
	add("Mul", "s,scale", "ss")
	// causal mask: -Inf above the diagonal, by Trilu of a square of -Inf
	add("Concat", "len,len", "square", onnx.IntAttr("axis", 0))
	add("Expand", "low,square", "full")
	add("Trilu", "full,one", "mask")
	addInts(w.t, m, "one", nil, 1)
	add("Add", "ss,mask", "sm")
	add("Cast", "attention_mask", "am", onnx.IntAttr("to", int64(onnx.Bool)))
	add("Unsqueeze", "am,axes12", "amu")
	addInts(w.t, m, "axes12", []int{2}, 1, 2)
	add("Where", "amu,sm,low", "smm")
	add("Softmax", "smm", "pr", onnx.IntAttr("axis", -1))
	add("MatMul", "pr,vt", "o")
	add("Transpose", "o", "ot", perm(0, 2, 1, 3))
	add("Reshape", "ot,join heads", "oj")
	add("MatMul", "oj,out", "op")
	add("Add", "x,op", "y")
	add("LayerNormalization", "y,ones", "yn")
	if pooling == "argmax" {
		add("ArgMax", "input_ids", "at", onnx.IntAttr("axis", -1), onnx.IntAttr("keepdims", 0))
	} else {
		add("Equal", "input_ids,eot", "is")
		add("Cast", "is", "isi", onnx.IntAttr("to", int64(onnx.Int32)))
		add("ArgMax", "isi", "at", onnx.IntAttr("axis", -1), onnx.IntAttr("keepdims", 0))
	}
	add("Slice", "shape,i0,i1", "b")
	add("Squeeze", "b,i0", "bs")
	addInts(w.t, m, "r0", nil, 0)
	add("Range", "r0,bs,one", "rows")
	add("Unsqueeze", "rows,last", "ru")
	add("Unsqueeze", "at,last", "au")
	add("Concat", "ru,au", "where", onnx.IntAttr("axis", -1))
	add("GatherND", "yn,where", "pooled")
	add("MatMul", "pooled,project", "text_embeds")
	add("Flatten", "pixel_values", "image_embeds")
	add("Mul", "text_embeds,text_embeds", "logits_of_both")
	g.AddOutput("image_embeds", onnx.Float32)
	g.AddOutput("text_embeds", onnx.Float32)
	g.AddOutput("yn", onnx.Float32)
	path := filepath.Join(w.t.TempDir(), "text.onnx")
	if err := m.Save(path); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// embed computes the tower in float64.
func (w *textTower) embed(tokens []int64) []float64 {
	d, n := w.width, len(tokens)
	x := make([][]float64, n)
	at := 0
	for i, t := range tokens {
		x[i] = make([]float64, d)
		for j := range d {
			x[i][j] = float64(w.table[int(t)*d+j]) + float64(w.pos[i*d+j])
		}
		if t > tokens[at] {
			at = i
		}
	}
	var p [][]float64
	for i := range n {
		p = append(p, timesMatrix(normalised(x[i]), w.qkv, 3*d))
	}
	o, hd := make([]float64, d), d/w.heads
	for h := range w.heads {
		var e []float64
		sum := 0.0
		for j := range at + 1 {
			s := 0.0
			for k := range hd {
				s += p[at][h*hd+k] * p[j][d+h*hd+k]
			}
			e = append(e, math.Exp(s/math.Sqrt(float64(hd))))
			sum += e[j]
		}
		for j, f := range e {
			for k := range hd {
				o[h*hd+k] += f / sum * p[j][2*d+h*hd+k]
			}
		}
	}
	y := timesMatrix(o, w.out, d)
	for j := range y {
		y[j] += x[at][j]
	}
	return timesMatrix(normalised(y), w.project, 5)
}

func timesMatrix(x []float64, w []float32, n int) []float64 {
	y := make([]float64, n)
	for i, v := range x {
		for j := range n {
			y[j] += v * float64(w[i*n+j])
		}
	}
	return y
}

func normalised(x []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += sq(v-mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v - mean) / math.Sqrt(variance+1e-5)
	}
	return y
}

func TestTextEncoder(t *testing.T) {
	w := newTextTower(t)
	texts := [][]int64{{1, 5, 3, 19, 0, 0, 0}, {1, 7, 19, 0, 0, 0, 0}, {1, 2, 3, 4, 5, 6, 19}}
	for _, pooling := range []string{"argmax", "equal"} {
		for _, dynamic := range []bool{false, true} {
			t.Run(fmt.Sprint(pooling, dynamic), func(t *testing.T) {
				m, err := OpenText(w.file(pooling, dynamic))
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Embed(context.Background(), texts)
				if err != nil {
					t.Fatal(err)
				}
				for i, text := range texts {
					for j, want := range w.embed(text) {
						if g := float64(got.Float32s()[i*5+j]); math.Abs(g-want) > 1e-5 {
							t.Errorf("text %d, element %d is %g, want %g", i, j, g, want)
						}
					}
				}
			})
		}
	}
}

func TestTextErrors(t *testing.T) {
	m, err := OpenText(newTextTower(t).file("argmax", false))
	if err != nil {
		t.Fatal(err)
	}
	for want, tokens := range map[string][][]int64{
		"no texts":                nil,
		"a text of 3 tokens":      {{1, 2, 3}},
		"token 2 is 20, outside":  {{1, 2, 20, 0, 0, 0, 0}},
		"token 0 is -1, outside":  {{-1, 2, 2, 0, 0, 0, 0}},
		"text 1 has 2 tokens and": {{1, 2, 3, 4, 5, 6, 7}, {1, 2}},
	} {
		if _, err := m.Embed(context.Background(), tokens); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	root := sharedGoldens(t)
	if _, err := OpenText(filepath.Join(root, "models", plainFile+".onnx")); err == nil || !strings.Contains(err.Error(), "no input takes tokens") {
		t.Errorf("error %v", err)
	}
}
