package main

import (
	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// together opens further encoders and returns all as one that is attacked; without any it is the first itself.
func together(first encoder.Encoder, names []string) (encoder.Encoder, []report.Artifact, error) {
	if len(names) == 0 {
		return first, nil, nil
	}
	members, artifacts := []encoder.Encoder{first}, []report.Artifact(nil)
	for _, name := range names {
		enc, artifact, err := openEncoder(name)
		if err != nil {
			return nil, nil, err
		}
		members, artifacts = append(members, enc), append(artifacts, artifact)
	}
	all, err := attack.NewEnsemble(members...)
	return all, artifacts, err
}

// checkSurrogates refuses surrogates to an attack that needs what belongs to the first encoder alone.
func checkSurrogates(a attack.Attack, names []string, head string) error {
	n := attack.NeedsOf(a)
	if len(names) > 0 && (n.Head || n.Embedding || n.Prototypes || n.MayUseHead && head != "") {
		return usagef("surrogates: %s needs a head, a target embedding or prototypes, which are of one encoder", attackName(a))
	}
	return nil
}
