package head

import (
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// cider is the mean CIDEr-D of a captioner, and of always giving the first test caption.
func cider(t *testing.T, h Head, test []Features) (got, constant float64) {
	t.Helper()
	var refs [][]string
	for _, f := range test {
		refs = append(refs, f.Sample.Captions)
	}
	c, err := metric.NewCIDEr(refs)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range test {
		got += c.D(predict(t, h, f).Text, f.Sample.Captions) / float64(len(test))
		constant += c.D(test[0].Sample.Captions[0], f.Sample.Captions) / float64(len(test))
	}
	return got, constant
}

func surfaceOf(s *dataset.Sample) int { return slices.Index(surfaces.Surfaces, s.QA[2].Answers[0]) }

func trainedTemplate(t *testing.T, train []Features) *Template {
	t.Helper()
	h, err := TrainTemplate("template", []Slot{
		{Name: "surface", Words: surfaces.Surfaces, Source: embedding(), Value: surfaceOf},
		{Name: "defect", Words: surfaces.Defects, Source: TokenSource(fixtureSpec, encoder.Block(0)), Hidden: []int{32}, Value: func(s *dataset.Sample) int { return s.Label }},
	}, []Rule{
		{When: map[string]string{"defect": "none"}, Text: "a photo of {surface} without defects"},
		{Text: "a photo of {surface} with a {defect}"},
	}, train, quick)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestCaptioners(t *testing.T) {
	train, test := data(t)
	bank, err := NewCaptionBank("bank", embedding(), train)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{bank, trainedTemplate(t, train)} {
		got, constant := cider(t, h, test)
		if got < 1.5*constant {
			t.Errorf("%s: CIDEr-D %.2f, a constant caption %.2f", h.Name(), got, constant)
		}
		t.Logf("%s: CIDEr-D %.2f (constant %.2f)", h.Name(), got, constant)
		checkStored(t, h, test)
		in, _ := test[2].Input(h.Taps())
		checkVJP(t, h.(Differentiable), in, 2e-2)
	}
}

func TestTemplateRules(t *testing.T) {
	h := &Template{cfg: templateConfig{Rules: []Rule{{When: map[string]string{"defect": "none"}, Text: "clean {surface}"}, {Text: "{surface} with a {defect}"}}}}
	if got := h.sentence(map[string]string{"surface": "tile", "defect": "none"}); got != "clean tile" {
		t.Error(got)
	}
	if got := h.sentence(map[string]string{"surface": "tile", "defect": "dent"}); got != "tile with a dent" {
		t.Error(got)
	}
	h.cfg.Rules = h.cfg.Rules[:1]
	if got := h.sentence(map[string]string{"surface": "tile", "defect": "dent"}); got != "" {
		t.Error(got)
	}
}

// vqa is the accuracy over all questions, and of the most common answer to each.
func vqa(t *testing.T, h Head, train, test []Features) (got, constant float64) {
	t.Helper()
	common := map[string]map[string]int{}
	for _, f := range train {
		for _, q := range f.Sample.QA {
			if common[q.Text] == nil {
				common[q.Text] = map[string]int{}
			}
			common[q.Text][q.Answers[0]]++
		}
	}
	n := 0.0
	for _, f := range test {
		in, err := f.Input(h.Taps())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range f.Sample.QA {
			in.Question = q.Text
			out, err := h.Predict(in)
			if err != nil {
				t.Fatal(err)
			}
			if _, narrow := h.(*VQAZeroShot); narrow && q.Text != "what kind of defect is visible?" {
				continue
			}
			best := ""
			for a, k := range common[q.Text] {
				if k > common[q.Text][best] {
					best = a
				}
			}
			got += metric.VQAAccuracy(out.Text, q.Answers)
			constant += metric.VQAAccuracy(best, q.Answers)
			n++
		}
	}
	return got / n, constant / n
}

func TestVQAHeads(t *testing.T) {
	train, test := data(t)
	net, err := TrainVQANet("net", embedding(), train, []int{64}, Training{Epochs: 12, Batch: 128, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	bank, err := NewVQABank("bank", embedding(), train, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{net, bank} {
		got, constant := vqa(t, h, train, test)
		if got < constant+0.05 {
			t.Errorf("%s: accuracy %.3f, the most common answers %.3f", h.Name(), got, constant)
		}
		t.Logf("%s: accuracy %.3f (most common answers %.3f)", h.Name(), got, constant)
		checkStored(t, h, test)
	}
	in, _ := test[2].Input(net.Taps())
	in.Question = surfaces.Questions[1]
	checkVJP(t, net, in, 2e-2)
	in.Question = "xyzzy?"
	if _, err := bank.Predict(in); err == nil || !strings.Contains(err.Error(), "xyzzy") {
		t.Errorf("an unknown question gave %v", err)
	}
}

func TestVQAZeroShot(t *testing.T) {
	h, err := NewVQAZeroShot("zs", []PromptedQuestion{
		{Text: "is there a defect?", Answers: []string{"no", "yes"}, Embeddings: [][]float32{{1, 0, 0}, {0, 1, 0}}},
		{Text: "what is the surface?", Answers: []string{"metal", "tile", "cloth"}, Embeddings: [][]float32{{1, 1, 0}, {0, 1, 1}, {0, 0, 1}}},
	}, 10)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Acts: []Activation{Vector([]float32{0.1, 0.9, 1})}}
	for q, want := range map[string]string{"Is there any defect": "yes", "what surface is it?": "tile"} {
		in.Question = q
		if out, err := h.Predict(in); err != nil || out.Text != want {
			t.Errorf("%q: %q, %v", q, out.Text, err)
		}
	}
	checkVJP(t, h, in, 2e-2)
	f := Features{Sample: &dataset.Sample{QA: []dataset.Question{{Text: "what surface"}}}, Acts: map[encoder.Tap]Activation{encoder.Embedding: in.Acts[0]}}
	checkStored(t, h, []Features{f})
}

func TestRetrieval(t *testing.T) {
	train, test := data(t)
	images, err := NewImageGallery("images", embedding(), bySurface(train))
	if err != nil {
		t.Fatal(err)
	}
	if a := accuracy(t, images, bySurface(test)); a < 0.75 {
		t.Errorf("R@1 by surface %.2f", a)
	}
	checkStored(t, images, test)
	texts, err := NewTextGallery("texts", [][]float32{{1, 0}, {0, 1}}, []string{"left", "up"}, []int{4, 7})
	if err != nil {
		t.Fatal(err)
	}
	out, err := texts.Predict(Input{Acts: []Activation{Vector([]float32{3, 4})}})
	if err != nil || out.Text != "up" || out.Label != 7 || out.Scores[0] != 0.6 || out.Embedding[1] != 0.8 {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := NewTextGallery("texts", [][]float32{{1, 0}}, nil, nil); err == nil {
		t.Error("items without labels were accepted")
	}
}
