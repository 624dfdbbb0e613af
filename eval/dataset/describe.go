package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// Describe returns the dataset with captions and questions made from its labels and boxes, for data that has
// none: noun names the part ("hot-rolled steel"), good the class free of defects ("" if there is none). Class
// names are read with underscores as blanks. What a sample already has is kept.
func (d *Dataset) Describe(noun, good string) *Dataset {
	out := &Dataset{Name: d.Name, Classes: d.Classes, Problems: d.Problems}
	for _, s := range d.Samples {
		c := *s
		if s.Label != NoLabel {
			class := d.Classes[s.Label]
			if len(c.Captions) == 0 {
				c.Captions = describe(noun, strings.ReplaceAll(class, "_", " "), class == good)
			}
			if len(c.QA) == 0 {
				c.QA = askAbout(&c, strings.ReplaceAll(class, "_", " "), class == good)
			}
		}
		out.Samples = append(out.Samples, &c)
	}
	return out
}

func describe(noun, class string, good bool) []string {
	if good {
		return []string{
			fmt.Sprintf("a photo of %s without defects", noun),
			fmt.Sprintf("clean %s", noun),
			fmt.Sprintf("%s in good condition with no visible defect", noun),
		}
	}
	return []string{
		fmt.Sprintf("a photo of %s with %s", noun, class),
		fmt.Sprintf("%s showing %s", noun, class),
		fmt.Sprintf("there is %s on the %s", class, noun),
	}
}

func askAbout(s *Sample, class string, good bool) []Question {
	is, kind := "yes", class
	if good {
		is, kind = "no", "none"
	}
	qa := []Question{
		{ID: s.ID + "/0", Text: "is there a defect?", Answers: []string{is}},
		{ID: s.ID + "/1", Text: "what kind of defect is visible?", Answers: []string{kind}},
	}
	if len(s.Boxes) > 0 {
		qa = append(qa, Question{ID: s.ID + "/2", Text: "how many defects are visible?", Answers: []string{strconv.Itoa(len(s.Boxes))}})
	}
	return qa
}
