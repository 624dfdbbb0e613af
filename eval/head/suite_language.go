package head

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

func (b *suiteBuilder) captioning() {
	told := slices.DeleteFunc(slices.Clone(b.train), func(f Features) bool { return len(f.Sample.Captions) == 0 })
	if len(told) == 0 {
		return
	}
	add(b, "caption-retrieval", func(name string) (Head, error) {
		return NewCaptionBank(name, b.embed, told)
	})
	if len(b.labelled()) > 0 {
		add(b, "caption-template", func(name string) (Head, error) { return b.template(name) })
	}
	add(b, "caption-decoder", func(name string) (Head, error) {
		return TrainDecoder(name, encoder.Tokens, thinned(told, suiteCaptioned), DecoderSize{Hidden: 48, Keys: 24}, b.training(4, 24, 0.006))
	})
}

// suiteCaptioned is how many images the decoder learns from at most.
const suiteCaptioned = 500

// thinned keeps n of the images, evenly spread.
func thinned(feats []Features, n int) []Features {
	if len(feats) <= n {
		return feats
	}
	out := make([]Features, n)
	for i := range out {
		out[i] = feats[i*len(feats)/n]
	}
	return out
}

// template fills "a photo of {part} with {class}". The part is the suite's noun or, without one, the answer to
// "what is the surface?".
func (b *suiteBuilder) template(name string) (*Template, error) {
	words := make([]string, len(b.Classes))
	for i, c := range b.Classes {
		words[i] = strings.ReplaceAll(c, "_", " ")
	}
	slots := []Slot{{Name: "class", Words: words, Source: b.tokens, Hidden: []int{48}, Value: func(s *dataset.Sample) int { return s.Label }}}
	part, with := b.Noun, " with {class}"
	if parts := b.answers(surfaceQuestion); part == "" && len(parts) > 1 {
		part, with = "{part}", " with a {class}"
		slots = append(slots, Slot{Name: "part", Words: parts, Source: b.embed, Value: func(s *dataset.Sample) int {
			return slices.Index(parts, answerTo(s, surfaceQuestion))
		}})
	}
	if part == "" {
		part = "the surface"
	}
	rules := []Rule{{Text: "a photo of " + part + with}}
	if b.Good != "" {
		good := Rule{When: map[string]string{"class": strings.ReplaceAll(b.Good, "_", " ")}, Text: "a photo of " + part + " without defects"}
		rules = slices.Insert(rules, 0, good)
	}
	return TrainTemplate(name, slots, rules, b.labelled(), b.training(40, 64, 0.003))
}

const surfaceQuestion = "what is the surface?"

// answers to a question over the training images, sorted.
func (b *suiteBuilder) answers(question string) []string {
	seen := map[string]bool{}
	var out []string
	for _, f := range b.train {
		if a := answerTo(f.Sample, question); a != "" && !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

func answerTo(s *dataset.Sample, question string) string {
	for _, q := range s.QA {
		if q.Text == question && len(q.Answers) > 0 {
			return q.Answers[0]
		}
	}
	return ""
}

func (b *suiteBuilder) questions() {
	asked := slices.DeleteFunc(slices.Clone(b.train), func(f Features) bool { return len(f.Sample.QA) == 0 })
	if len(asked) == 0 {
		return
	}
	add(b, "vqa-net", func(name string) (Head, error) {
		return TrainVQANet(name, b.tokens, asked, []int{96}, b.training(20, 128, 0.004))
	})
	add(b, "vqa-retrieval", func(name string) (Head, error) {
		return NewVQABank(name, b.embed, asked, 10)
	})
	if b.Text != nil && len(b.Text.Classes) == len(b.Classes) {
		add(b, "vqa-zeroshot", func(name string) (Head, error) {
			return NewVQAZeroShot(name, []PromptedQuestion{
				{Text: "what kind of defect is visible?", Answers: b.kinds(), Embeddings: b.Text.Classes},
			}, b.Text.Scale)
		})
	}
}

// kinds are the classes as answers: "none" for the one free of defects, underscores as blanks.
func (b *suiteBuilder) kinds() []string {
	out := make([]string, len(b.Classes))
	for i, c := range b.Classes {
		if out[i] = strings.ReplaceAll(c, "_", " "); c == b.Good {
			out[i] = "none"
		}
	}
	return out
}

func (b *suiteBuilder) retrieval() {
	feats := b.labelled()
	if len(feats) == 0 {
		return
	}
	add(b, "retrieve-image", func(name string) (Head, error) {
		return NewImageGallery(name, b.embed, feats)
	})
	add(b, "retrieve-image-tokens", func(name string) (Head, error) {
		return NewImageGallery(name, b.tokens, feats)
	})
	if b.Text != nil {
		labels := make([]int, len(b.Classes))
		for i := range labels {
			labels[i] = i
		}
		add(b, "retrieve-text", func(name string) (Head, error) {
			return NewTextGallery(name, b.Text.Classes, b.Classes, labels)
		})
	}
}
