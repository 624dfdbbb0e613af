package encoder

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/npy"
)

// goldenModel is an entry of the manifest beside the exported encoders.
type goldenModel struct {
	ID        string
	File      string
	Golden    string
	Input     string
	Outputs   map[string]string
	Prefix    int `json:"n_prefix"`
	Layers    map[string][]struct{ Tensor string }
	Tolerance map[string]struct {
		RelL2 float64 `json:"rel_l2"`
		Abs   float64 // where the golden itself is zero but for rounding
	}
}

// goldenInfo is info.json of a golden folder.
type goldenInfo struct {
	Layers       int
	MidLayer     int    `json:"mid_layer"`
	HiddenPrefix int    `json:"hidden_prefix"`
	Gradient     string `json:"gradient"`
	Size         int
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// goldens lists what lies below root/manifest.json.
func goldens(t *testing.T, root string) []goldenModel {
	var list []goldenModel
	readJSON(t, filepath.Join(root, "manifest.json"), &list)
	return list
}

// sharedGoldens is the folder of all exports, if it is there.
func sharedGoldens(t *testing.T) string {
	root := os.Getenv("PLUMBLINE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	root = filepath.Join(root, "onnx", "exports")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the exported encoders are not there: ", root)
	}
	return root
}

// TestGoldens needs nothing outside the repository.
func TestGoldens(t *testing.T) { checkGoldens(t, filepath.Join("..", "testdata", "encoders")) }

func TestSharedGoldens(t *testing.T) { checkGoldens(t, sharedGoldens(t)) }

// checkGoldens does everything on every instruction set that runs here.
func checkGoldens(t *testing.T, root string) {
	for _, cpu := range kernel.CPUs() {
		restore, err := kernel.UseCPU(cpu)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range goldens(t, root) {
			t.Run(cpu+"/"+m.ID, func(t *testing.T) { checkGolden(t, root, m) })
		}
		restore()
	}
}

func checkGolden(t *testing.T, root string, m goldenModel) {
	enc, err := Open(filepath.Join(root, m.File))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, m.Golden)
	var info goldenInfo
	readJSON(t, filepath.Join(dir, "info.json"), &info)
	g := golden{t: t, enc: enc.Raw(), dir: dir, model: m, info: info}
	for _, batch := range []string{"b1", "b3"} {
		g.outputs(batch)
		if m.Tolerance["grad_cos_"+batch].RelL2 > 0 {
			g.gradients(batch)
		}
	}
	g.hidden()
	g.facts(enc.Spec())
}

// facts checks what inspection finds.
func (g golden) facts(s Spec) {
	g.t.Helper()
	if g.info.Layers == 0 { // made without the PyTorch code
		return
	}
	if s.Depth != g.info.Layers || s.Prefix() != g.info.HiddenPrefix || s.ImageSize != [2]int{g.info.Size, g.info.Size} {
		g.t.Errorf("%d blocks, %d prefix tokens, input %v; want %d, %d, %d", s.Depth, s.Prefix(), s.ImageSize, g.info.Layers, g.info.HiddenPrefix, g.info.Size)
	}
	notes := 1 // the preprocessing is always assumed
	for _, w := range s.Warnings {
		if strings.Contains(w, "computed in float32") {
			notes++
		}
	}
	if len(s.Warnings) > notes || s.Embedding == 0 {
		g.t.Errorf("pooled output of width %d, warnings %q", s.Embedding, s.Warnings)
	}
	if s.Heads > 0 && s.Grid[0]*s.Grid[1]+s.Prefix() != s.Tokens {
		g.t.Errorf("grid %v and %d prefix tokens make %d tokens?", s.Grid, s.Prefix(), s.Tokens)
	}
	for i := range s.Depth {
		for _, tap := range []Tap{Queries(i), Keys(i), Values(i), AttentionOut(i)} {
			if s.Heads > 0 && g.enc.(*Model).found[tap] == nil {
				g.t.Errorf("tap %s is not there", tap)
			}
		}
	}
}

type golden struct {
	t     *testing.T
	enc   Encoder
	dir   string
	model goldenModel
	info  goldenInfo
	limit [2]float64 // relative differences of outputs and gradients that are allowed, where not the usual ones
}

func (g golden) load(key string) ([]float32, []int) {
	g.t.Helper()
	data, shape, err := npy.Open(filepath.Join(g.dir, key+".npy"))
	if err != nil {
		g.t.Fatal(err)
	}
	return data, shape
}

// images splits x_b1 or x_b3 into network inputs.
func (g golden) images(batch string) []*tensor.Dense {
	x, shape := g.load("x_" + batch)
	n := len(x) / shape[0]
	var out []*tensor.Dense
	for b := range shape[0] {
		out = append(out, tensor.New(tensor.WithShape(shape[1:]...), tensor.WithBacking(x[b*n:(b+1)*n])))
	}
	return out
}

// same compares with a golden array by ‖a-b‖/‖b‖.
func (g golden) same(key string, got []float32, limit float64) {
	g.t.Helper()
	want, _ := g.load(key)
	if len(got) != len(want) {
		g.t.Errorf("%s: %d elements, want %d", key, len(got), len(want))
		return
	}
	var d, n float64
	for i, w := range want {
		d += sq(float64(got[i]) - float64(w))
		n += sq(float64(w))
	}
	if abs := g.model.Tolerance[key].Abs; abs > 0 {
		if d := math.Sqrt(d); !(d <= abs) {
			g.t.Errorf("%s: difference %.2g, want ≤ %.0e", key, d, abs)
		}
		return
	}
	if r := math.Sqrt(d / n); !(r <= limit) {
		g.t.Errorf("%s: relative difference %.2g, want ≤ %.0e", key, r, limit)
	}
}

func sq(v float64) float64 { return v * v }

func (g golden) outputs(batch string) {
	g.t.Helper()
	var taps []Tap
	var keys []string
	for name, key := range g.model.Outputs {
		taps, keys = append(taps, Tap(name)), append(keys, key+"_"+batch)
	}
	acts, err := Activations(context.Background(), g.enc, g.images(batch), taps...)
	if err != nil {
		g.t.Fatal(err)
	}
	for i, a := range acts {
		limit := max(1e-4, g.limit[0])
		if tol := g.model.Tolerance[keys[i]].RelL2; tol > limit {
			limit = tol
		}
		g.same(keys[i], a.Float32s(), limit)
	}
}

// gradients checks the two losses the goldens were made with.
func (g golden) gradients(batch string) {
	g.t.Helper()
	images := g.images(batch)
	g.grad("grad_sumsq_"+batch, images, Embedding, func(a *tensor.Dense) *tensor.Dense {
		c := a.Clone().(*tensor.Dense)
		for i, v := range a.Float32s() {
			c.Float32s()[i] = 2 * v
		}
		return c
	})
	ref, _ := g.load("ref_tokens")
	last := Tap("last_hidden_state")
	g.grad("grad_cos_"+batch, images, last, func(a *tensor.Dense) *tensor.Dense {
		return cosineCotangent(a, ref, g.model.Prefix)
	})
	if batch == "b1" {
		mid, _ := g.load("ref_mid_tokens")
		g.grad("grad_cosmid_b1", images, Block(g.info.MidLayer-1), func(a *tensor.Dense) *tensor.Dense {
			return cosineCotangent(a, mid, g.info.HiddenPrefix)
		})
	}
}

func (g golden) grad(key string, images []*tensor.Dense, tap Tap, cot func(*tensor.Dense) *tensor.Dense) {
	g.t.Helper()
	ctx := context.Background()
	tr, err := g.enc.Trace(ctx, images, tap)
	if err != nil {
		g.t.Fatalf("%s: %v", key, err)
	}
	defer tr.Close()
	grads, err := tr.VJP(ctx, []*tensor.Dense{cot(tr.Activation(0))})
	if err != nil {
		g.t.Fatal(err)
	}
	var all []float32
	for _, d := range grads {
		all = append(all, d.Float32s()...)
	}
	g.same(key, all, max(1e-3, g.limit[1]))
}

// cosineCotangent is the gradient of the mean over images and patch tokens of the cosine with ref
// (patches×width). Convolutional maps B×C×H×W have their positions as tokens.
func cosineCotangent(a *tensor.Dense, ref []float32, prefix int) *tensor.Dense {
	s := a.Shape()
	b, tokens, width, step, next := s[0], s[1], s[s.Dims()-1], 1, 0
	next = width
	if s.Dims() == 4 {
		tokens, width, step, next = s[2]*s[3], s[1], s[2]*s[3], 1
	}
	c := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(s...))
	x, d := a.Float32s(), c.Float32s()
	patches := tokens - prefix
	for i := range b {
		for p := range patches {
			at := i*tokens*width + (prefix+p)*next
			var xx, yy, xy float64
			for k := range width {
				u, v := float64(x[at+k*step]), float64(ref[p*width+k])
				xx, yy, xy = xx+u*u, yy+v*v, xy+u*v
			}
			nx, ny := math.Sqrt(xx), math.Sqrt(yy)
			for k := range width {
				u, v := float64(x[at+k*step]), float64(ref[p*width+k])
				d[at+k*step] = float32((v/(nx*ny) - u*xy/(nx*nx*nx*ny)) / float64(b*patches))
			}
		}
	}
	return c
}

// hidden checks the taps of the residual stream.
func (g golden) hidden() {
	g.t.Helper()
	for k := 0; k <= g.info.Layers; k++ {
		key := fmt.Sprintf("hidden_%02d_b1", k)
		if _, err := os.Stat(filepath.Join(g.dir, key+".npy")); err != nil {
			continue
		}
		tap := Stem
		if k > 0 {
			tap = Block(k - 1)
		}
		acts, err := Activations(context.Background(), g.enc, g.images("b1"), tap)
		if err != nil {
			g.t.Fatal(err)
		}
		g.same(key, acts[0].Float32s(), max(1e-4, g.limit[0]))
	}
}
