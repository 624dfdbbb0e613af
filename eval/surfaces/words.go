package surfaces

import (
	"fmt"
	"strconv"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// Questions are asked about every image, in this order; Answers lists the answers each can have.
var (
	Questions = []string{
		"is there a defect?",
		"what kind of defect is visible?",
		"what is the surface?",
		"where is the defect?",
		"how many defects are visible?",
	}
	Answers = [][]string{
		{"no", "yes"},
		Defects,
		Surfaces,
		append([]string{"nowhere"}, Places...),
		{"0", "1", "2", "3", "4"},
	}
	// Places are the nine parts of the image.
	Places = []string{"upper left", "top", "upper right", "left", "center", "right", "lower left", "bottom", "lower right"}
)

// facts are what can be said about an image.
type facts struct {
	surface, defect, size, place string
	count                        int
}

func (s *scene) facts(boxes []dataset.Box, side float64) facts {
	f := facts{surface: Surfaces[s.surface], defect: Defects[s.defect], count: len(boxes), place: "nowhere"}
	if len(boxes) == 0 {
		f.defect = Defects[0]
		return f
	}
	largest := boxes[0]
	for _, b := range boxes {
		if b.Area() > largest.Area() {
			largest = b
		}
	}
	column := min(2, int(3*(largest.X0+largest.X1)/2/side))
	row := min(2, int(3*(largest.Y0+largest.Y1)/2/side))
	f.place = Places[3*row+column]
	f.size = "small"
	if max(largest.X1-largest.X0, largest.Y1-largest.Y0) > 0.3*side {
		f.size = "large"
	}
	return f
}

// captions are three ways to say it.
func (f facts) captions() []string {
	if f.count == 0 {
		return []string{
			fmt.Sprintf("a photo of %s without defects", f.surface),
			fmt.Sprintf("clean %s", f.surface),
			fmt.Sprintf("%s in good condition with no visible defect", f.surface),
		}
	}
	article, plural, be := "a ", "", "is"
	if f.count > 1 {
		article, plural, be = strconv.Itoa(f.count)+" ", map[bool]string{true: "es", false: "s"}[f.defect == "scratch"], "are"
	}
	return []string{
		fmt.Sprintf("a photo of %s with %s%s %s%s, %s", f.surface, article, f.size, f.defect, plural, f.place),
		fmt.Sprintf("%s with %s%s%s at the %s", f.surface, unsized(article, f.defect), f.defect, plural, f.place),
		fmt.Sprintf("there %s %s%s %s%s on the %s", be, article, f.size, f.defect, plural, f.surface),
	}
}

// unsized is the article that stands directly before the defect's name.
func unsized(article, defect string) string {
	if article == "a " && defect == "inclusion" {
		return "an "
	}
	return article
}

func (f facts) questions(id string) []dataset.Question {
	answers := []string{"yes", f.defect, f.surface, f.place, strconv.Itoa(f.count)}
	if f.count == 0 {
		answers[0] = "no"
	}
	var out []dataset.Question
	for i, q := range Questions {
		out = append(out, dataset.Question{ID: fmt.Sprintf("%s/%d", id, i), Text: q, Answers: []string{answers[i]}})
	}
	return out
}
