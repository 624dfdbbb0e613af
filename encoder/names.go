package encoder

import "strings"

// embeddingRank orders output names by how likely they are the pooled embedding.
func embeddingRank(name string) int {
	name = strings.ToLower(name)
	rank := 1
	for i, word := range []string{"output", "pool", "feature", "embed", "image_embed"} {
		if strings.Contains(name, word) {
			rank = 2 + i
		}
	}
	if strings.Contains(name, "logit") {
		rank = 0
	}
	return rank
}
