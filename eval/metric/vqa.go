package metric

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// VQAAccuracy is the consensus score of one answer (Antol et al., arXiv 1505.00468; VQA v2 evaluation):
// the mean, over leaving out each reference, of min(1, matches among the others / 3). With fewer than
// four references it is 1 if any of them matches and 0 otherwise. NaN without references. Both sides go through
// [NormalizeAnswer].
func VQAAccuracy(answer string, references []string) float64 {
	if len(references) == 0 {
		return math.NaN()
	}
	got := NormalizeAnswer(answer)
	matches := 0
	for _, r := range references {
		if NormalizeAnswer(r) == got {
			matches++
		}
	}
	n := float64(len(references))
	if len(references) < 4 {
		return float64(min(matches, 1))
	}
	m := float64(matches)
	return (m*min(1, (m-1)/3) + (n-m)*min(1, m/3)) / n
}

var (
	commaInNumber = regexp.MustCompile(`(\d),(\d)`)
	loosePeriod   = regexp.MustCompile(`\.+(\D|$)`)
	numberWords   = map[string]string{"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4",
		"five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10"}
	articles    = []string{"a", "an", "the"}
	punctuation = []string{";", "/", "[", "]", `"`, "{", "}", "(", ")", "=", "+", `\`, "_", "-", ">", "<", "@", "`", ",", "?", "!"}
)

// NormalizeAnswer makes answers comparable as the VQA evaluation does: lower case, punctuation removed (a mark
// that touches a blank anywhere vanishes, otherwise it becomes a blank), points only inside numbers,
// number words as digits, articles dropped. Apostrophes are removed instead of being restored in
// contractions, which gives the same matches for answers that spell them with and without.
func NormalizeAnswer(s string) string {
	s = strings.ToLower(strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ", "'", "", "’", "").Replace(s)))
	hasNumberComma := commaInNumber.MatchString(s)
	text := s
	for _, p := range punctuation {
		blank := " "
		if strings.Contains(s, p+" ") || strings.Contains(s, " "+p) || hasNumberComma {
			blank = ""
		}
		text = strings.ReplaceAll(text, p, blank)
	}
	text = loosePeriod.ReplaceAllString(text, "$1")
	var words []string
	for _, w := range strings.Fields(text) {
		if d, ok := numberWords[w]; ok {
			w = d
		}
		if !slices.Contains(articles, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}
