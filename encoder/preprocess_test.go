package encoder

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type preprocessGolden struct {
	H, W, Short, CH, CW int
	Src, Floor, Round   []float32
}

func mustPlan(t testing.TB, p Preprocess, h, w int) *Plan {
	t.Helper()
	pl, err := p.Plan(h, w)
	if err != nil {
		t.Fatal(err)
	}
	return pl
}

func applyPlan(pl *Plan, src []float32) []float32 {
	h, w := pl.OutSize()
	dst := make([]float32, 3*h*w)
	pl.Apply(dst, src, make([]float32, pl.Scratch()))
	return dst
}

// The whole transform, un-normalised again, is within one 8-bit level of PIL with both crop conventions.
func TestPreprocessGoldens(t *testing.T) {
	data, err := os.ReadFile("testdata/preprocess/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []preprocessGolden
	if err := json.Unmarshal(data, &goldens); err != nil {
		t.Fatal(err)
	}
	for _, g := range goldens {
		src := make([]float32, len(g.Src))
		for i, v := range g.Src {
			src[i] = v / 255
		}
		for rule, want := range map[CropRule][]float32{CropFloor: g.Floor, CropRound: g.Round} {
			p := CLIPPreprocess(1)
			p.Resize, p.Crop, p.CropRule = [2]int{g.Short, 0}, [2]int{g.CH, g.CW}, rule
			got := applyPlan(mustPlan(t, p, g.H, g.W), src)
			if len(got) != len(want) {
				t.Fatalf("%d values, want %d", len(got), len(want))
			}
			tol := 1.25 // half a level of the last rounding, and of the first times the absolute sum of the weights
			if g.Short == 0 {
				tol = 1e-3
			}
			plane := g.CH * g.CW
			for i, v := range got {
				level := 255 * (float64(v)*p.Std[i/plane] + p.Mean[i/plane])
				if !(math.Abs(level-float64(want[i])) <= tol) {
					t.Fatalf("%d×%d crop %s: value %d is level %.3f, want %g", g.H, g.W, rule, i, level, want[i])
				}
			}
		}
	}
}

func TestPreprocessAdjoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range []Preprocess{
		CLIPPreprocess(16),
		{Std: [3]float64{1, 2, 3}},
		{Resize: [2]int{9, 20}, Filter: Lanczos, Crop: [2]int{12, 12}, Std: [3]float64{.5, .5, .5}},
		{Crop: [2]int{40, 7}, Std: [3]float64{.5, 1, .25}},
	} {
		p.Mean = [3]float64{} // the map is then linear, so ⟨Ax,y⟩ = ⟨x,Aᵀy⟩
		pl := mustPlan(t, p, 23, 31)
		h, w := pl.OutSize()
		x, y := make([]float32, 3*23*31), make([]float32, 3*h*w)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for i := range y {
			y[i] = float32(rng.NormFloat64())
		}
		ax, aty := applyPlan(pl, x), make([]float32, len(x))
		pl.Adjoint(aty, y, make([]float32, pl.Scratch()))
		lhs, rhs := 0.0, 0.0
		for i := range y {
			lhs += float64(ax[i]) * float64(y[i])
		}
		for i := range x {
			rhs += float64(x[i]) * float64(aty[i])
		}
		if !(math.Abs(lhs-rhs) <= 1e-4*(1+math.Abs(lhs))) {
			t.Errorf("%v: ⟨Ax,y⟩ = %g, ⟨x,Aᵀy⟩ = %g", p, lhs, rhs)
		}
	}
}

func TestPlanSizes(t *testing.T) {
	for _, c := range []struct {
		p          Preprocess
		h, w, a, b int
	}{
		{CLIPPreprocess(224), 333, 500, 224, 224},
		{Preprocess{Resize: [2]int{64, 0}, Std: clipStd}, 100, 333, 64, 213}, // int(64·333/100)
		{Preprocess{Resize: [2]int{64, 32}, Std: clipStd}, 5, 5, 64, 32},
		{Preprocess{Std: clipStd}, 5, 9, 5, 9},
		{CLIPPreprocess(8), 1, 60000, 8, 8},
	} {
		if h, w := mustPlan(t, c.p, c.h, c.w).OutSize(); h != c.a || w != c.b {
			t.Errorf("%d×%d becomes %d×%d, want %d×%d", c.h, c.w, h, w, c.a, c.b)
		}
	}
	p := CLIPPreprocess(224)
	for _, s := range [][2]int{{0, 5}, {5, -1}, {1 << 20, 2}, {1 << 16, 1 << 16}} {
		if _, err := p.Plan(s[0], s[1]); err == nil {
			t.Errorf("source %v accepted", s)
		}
	}
}

func TestPreprocessValidate(t *testing.T) {
	if err := CLIPPreprocess(224).Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Preprocess){
		"resize":    func(p *Preprocess) { p.Resize = [2]int{0, 7} },
		"crop":      func(p *Preprocess) { p.Crop = [2]int{7, 0} },
		"filter":    func(p *Preprocess) { p.Filter = "cubic" },
		"crop_rule": func(p *Preprocess) { p.CropRule = "ceil" },
		"std":       func(p *Preprocess) { p.Std[2] = 0 },
		"mean":      func(p *Preprocess) { p.Mean[1] = math.NaN() },
	} {
		p := CLIPPreprocess(224)
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := p.Plan(10, 10); err == nil {
			t.Errorf("%s: Plan accepts it", name)
		}
		if p.String() == "" {
			t.Errorf("%s: empty String", name)
		}
	}
}

func TestReadPreprocessorConfig(t *testing.T) {
	half := [3]float64{.5, .5, .5}
	for name, c := range map[string]struct {
		json string
		want Preprocess
	}{
		"openai clip": {`{"crop_size":224,"do_center_crop":true,"do_normalize":true,"do_resize":true,
			"feature_extractor_type":"CLIPFeatureExtractor","image_mean":[0.48145466,0.4578275,0.40821073],
			"image_std":[0.26862954,0.26130258,0.27577711],"resample":3,"size":224}`,
			Preprocess{Resize: [2]int{224, 0}, Filter: Bicubic, Crop: [2]int{224, 224}, Mean: clipMean, Std: clipStd}},
		"empty is clip": {`{}`, Preprocess{Resize: [2]int{224, 0}, Filter: Bicubic, Crop: [2]int{224, 224}, Mean: clipMean, Std: clipStd}},
		"vit defaults":  {`{"image_processor_type":"ViTImageProcessor","size":96}`, Preprocess{Resize: [2]int{96, 96}, Filter: Bilinear, Mean: half, Std: half}},
		"siglip": {`{"image_processor_type":"SiglipImageProcessorFast","size":{"height":64,"width":48},"resample":1}`,
			Preprocess{Resize: [2]int{64, 48}, Filter: Lanczos, Mean: half, Std: half}},
		"dino": {`{"image_processor_type":"BitImageProcessor","size":{"shortest_edge":256},"crop_size":{"height":224,"width":220},"image_mean":[0,0,0],"image_std":[1,1,1]}`,
			Preprocess{Resize: [2]int{256, 0}, Filter: Bicubic, Crop: [2]int{224, 220}, Std: [3]float64{1, 1, 1}}},
		"levels": {`{"do_rescale":false,"do_resize":false,"do_center_crop":false,"image_mean":[127.5,0,255],"image_std":[255,510,127.5]}`,
			Preprocess{Mean: [3]float64{.5, 0, 1}, Std: [3]float64{1, 2, .5}}},
		"no normalize": {`{"do_normalize":false}`, Preprocess{Resize: [2]int{224, 0}, Filter: Bicubic, Crop: [2]int{224, 224}, Std: [3]float64{1, 1, 1}}},
		"explicit unknown": {`{"image_processor_type":"NewImageProcessor","size":{"height":32,"width":32},"resample":2,"image_mean":[0,0,0],"image_std":[1,1,1]}`,
			Preprocess{Resize: [2]int{32, 32}, Filter: Bilinear, Std: [3]float64{1, 1, 1}}},
	} {
		path := filepath.Join(t.TempDir(), "preprocessor_config.json")
		if err := os.WriteFile(path, []byte(c.json), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadPreprocessorConfig(path)
		c.want.CropRule, c.want.Source = CropFloor, path
		if err != nil || got != c.want {
			t.Errorf("%s: %v, error %v; want %v", name, got, err, c.want)
		}
	}
}

func TestReadPreprocessorConfigErrors(t *testing.T) {
	for field, text := range map[string]string{
		"resample":        `{"resample":9}`,
		"size":            `{"size":{"height":3}}`,
		"size: ":          `{"size":{"height":3,"width":3,"shortest_edge":3}}`,
		"size: {}":        `{"size":{}}`,
		"size: -3":        `{"size":-3}`,
		"size: \"x\"":     `{"size":"x"}`,
		"longest_edge":    `{"size":{"shortest_edge":3,"longest_edge":5}}`,
		"crop_size":       `{"crop_size":{"shortest_edge":5}}`,
		"crop_size: mis":  `{"image_processor_type":"ViTImageProcessor","do_center_crop":true}`,
		"do_center_crop":  `{"image_processor_type":"X","resample":3,"size":{"shortest_edge":5},"crop_size":5}`,
		"crop_pct":        `{"crop_pct":0.875}`,
		"rescale_factor":  `{"rescale_factor":0}`,
		"rescale_offset":  `{"rescale_offset":true}`,
		"image_mean":      `{"image_mean":[1]}`,
		"image_std":       `{"image_std":[1,0,1]}`,
		"do_pad":          `{"do_pad":true}`,
		"processor \"X\"": `{"image_processor_type":"X","resample":3,"image_mean":[0,0,0],"image_std":[1,1,1]}`,
		"JSON":            `{`,
		"do_resize":       `{"do_resize":"yes"}`,
	} {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPreprocessorConfig(path); err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
	if _, err := ReadPreprocessorConfig(filepath.Join(t.TempDir(), "absent.json")); err == nil {
		t.Error("absent file accepted")
	}
}

func FuzzPreprocessorConfig(f *testing.F) {
	f.Add([]byte(`{"size":{"shortest_edge":224},"crop_size":224,"resample":3}`), 10, 20)
	f.Add([]byte(`{"image_processor_type":"ViTImageProcessor","do_rescale":false}`), 1, 3)
	f.Fuzz(func(t *testing.T, data []byte, h, w int) {
		p, err := parsePreprocessorConfig(data)
		if err != nil || p.Crop[0] > 512 || p.Crop[1] > 512 || (p.Crop[0] == 0 && p.Resize[0]+p.Resize[1] > 512) {
			return
		}
		h, w = 1+(h&1023), 1+(w&1023)
		pl, err := p.Plan(h, w)
		if err != nil {
			return
		}
		if oh, ow := pl.OutSize(); oh*ow < 1<<18 {
			applyPlan(pl, make([]float32, 3*h*w))
		}
	})
}

func TestPlanAllocatesNothing(t *testing.T) {
	pl := mustPlan(t, CLIPPreprocess(32), 50, 40)
	src, dst, scratch := make([]float32, 3*50*40), make([]float32, 3*32*32), make([]float32, pl.Scratch())
	if n := testing.AllocsPerRun(5, func() { pl.Apply(dst, src, scratch); pl.Adjoint(src, dst, scratch) }); n != 0 {
		t.Errorf("%g allocations a run", n)
	}
}

func BenchmarkPreprocess(b *testing.B) {
	pl := mustPlan(b, CLIPPreprocess(224), 333, 500)
	src, dst, scratch := make([]float32, 3*333*500), make([]float32, 3*224*224), make([]float32, pl.Scratch())
	b.Run("apply", func(b *testing.B) {
		for b.Loop() {
			pl.Apply(dst, src, scratch)
		}
	})
	b.Run("adjoint", func(b *testing.B) {
		for b.Loop() {
			pl.Adjoint(src, dst, scratch)
		}
	})
}
