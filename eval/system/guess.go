package system

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// guess says what outputs hold where their number and shapes leave no doubt: one output of as many numbers as
// classes are logits, one number an anomaly score, four axes masks, and a matrix of which one side is 4 + classes
// boxes beside scores; two or three outputs one of which is N×4 are boxes with scores, and labels if there is one of
// integers. With a head, one vector is the embedding that it reads.
func guess(outputs []encoder.Output, cfg NetworkConfig) (map[Kind]string, error) {
	if len(outputs) == 1 {
		if k := guessOne(outputs[0].Shape, cfg); k != "" {
			return map[Kind]string{k: string(outputs[0].Tap)}, nil
		}
	}
	if found := guessBoxes(outputs); found != nil {
		return found, nil
	}
	if cfg.Head != nil {
		for _, o := range outputs {
			if strings.Contains(strings.ToLower(string(o.Tap)), "embed") {
				return map[Kind]string{EmbeddingOutput: string(o.Tap)}, nil
			}
		}
	}
	return nil, fmt.Errorf("its outputs %s do not tell what they hold: say under outputs, as one or more of %s", describe(outputs), kindNames())
}

// guessOne says what the only output holds, "" where that is open.
func guessOne(shape []int, cfg NetworkConfig) Kind {
	classes := len(cfg.Classes.own)
	vector, matrix := last(shape, 1), last(shape, 2)
	switch {
	case cfg.Task == head.Segmentation:
		return Masks
	case cfg.Task == head.Anomaly:
		return AnomalyScore
	case vector != nil && cfg.Head != nil:
		return EmbeddingOutput
	case vector != nil && vector[0] == 1 && cfg.Task == "":
		return AnomalyScore
	case vector != nil && vector[0] == classes:
		return Logits
	case len(shape) == 4:
		return Masks
	case matrix != nil && (matrix[0] == 4+classes) != (matrix[1] == 4+classes):
		return BoxesScores
	}
	return ""
}

// guessBoxes finds N×4, N×C or N, and N integers.
func guessBoxes(outputs []encoder.Output) map[Kind]string {
	if len(outputs) < 2 || len(outputs) > 3 {
		return nil
	}
	found := map[Kind]string{}
	for _, o := range outputs {
		k := BoxScores
		switch s := last(o.Shape, 2); {
		case s == nil:
			return nil
		case len(o.Shape) > 1 && s[1] == 4 && found[BoxCorners] == "":
			k = BoxCorners
		case o.Integers:
			k = BoxLabels
		}
		if found[k] != "" {
			return nil
		}
		found[k] = string(o.Tap)
	}
	if found[BoxCorners] == "" || found[BoxScores] == "" {
		return nil
	}
	return found
}
