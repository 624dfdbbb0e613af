package attack

import "github.com/plumbline-ml/plumbline/encoder"

// Pooled is PRM with what heads read counted again: beside PRM over all tokens of every layer, Weight times the same
// cosine of each layer's class token, of its mean patch token, and of the embedding,
//
//	PRM(all) + w·[ PRM(cls) + PRM(mean) − cos(f(x+δ), f(x)) ].
//
// One of 65 equal tokens moves the class token little in PRM, and patch tokens that each turn their own way leave their
// mean where it was; classifiers, retrieval and captions read just these. Encoders without a class token or without
// an embedding go without that part.
type Pooled struct {
	Weight float64
}

var _ = objectives.add("pooled", "PRM, and beside it the class token and the mean patch token of every layer and the embedding (our own)", func(a *Args) Objective {
	return Pooled{a.Float("weight", 0.5, 0, 100)}
})

func (o Pooled) String() string { return expr("pooled", "weight", o.Weight) }

// Bind implements Objective.
func (o Pooled) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	s := Sum{Parts: []Objective{PRM{}, PRM{Tokens: "mean"}}, Weights: []float64{1, o.Weight}}
	if spec.Embedding > 0 {
		s.Parts, s.Weights = append(s.Parts, Embedding{}), append(s.Weights, o.Weight)
	}
	if spec.Prefix() > 0 {
		s.Parts, s.Weights = append(s.Parts, PRM{Tokens: "cls"}), append(s.Weights, o.Weight)
	}
	return s.Bind(spec, task, i)
}
