package eval

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// The flags of this file set attacks against each other that should be in a known order of strength.

// largerEpsWeaker compares each attack with itself at a smaller budget.
func (a *assembly) largerEpsWeaker() []report.Flag {
	return a.pairs("larger-eps-weaker", func(x, y report.Attack) bool {
		return x.Name == y.Name && x.Kind == "gradient" && x.EpsValue > y.EpsValue
	}, func(x, y report.Attack, systems string) report.Text {
		return report.T("flag.larger-eps-weaker", x.Name, systems, x.Eps, y.Eps)
	})
}

// moreStepsWeaker compares attacks that differ in their number of steps alone.
func (a *assembly) moreStepsWeaker() []report.Flag {
	return a.pairs("more-steps-weaker", func(x, y report.Attack) bool {
		recipeX, stepsX := recipe(x)
		recipeY, stepsY := recipe(y)
		return x.Eps == y.Eps && x.Kind == "gradient" && recipeX == recipeY && stepsX > stepsY && slices.Equal(x.Systems, y.Systems)
	}, func(x, y report.Attack, systems string) report.Text {
		_, more := recipe(x)
		_, fewer := recipe(y)
		return report.T("flag.more-steps-weaker", x.ID, systems, more, fewer)
	})
}

var stepsOf = regexp.MustCompile(`\bsteps=([0-9]+)`)

// recipe is an attack's expression without its number of steps, and that number.
func recipe(at report.Attack) (string, int) {
	m := stepsOf.FindStringSubmatch(at.Expression)
	if m == nil {
		return at.Expression, 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return at.Expression, 0
	}
	return stepsOf.ReplaceAllString(at.Expression, "steps"), n
}

// noiseStronger names gradient attacks that random noise of the same size beats.
func (a *assembly) noiseStronger() []report.Flag {
	return a.pairs("noise-stronger", func(x, y report.Attack) bool {
		return x.Eps == y.Eps && x.Kind == "gradient" && y.Kind == "noise"
	}, func(x, y report.Attack, systems string) report.Text {
		return report.T("flag.noise-stronger", x.ID, y.Name, systems)
	})
}

func (a *assembly) blackBoxStronger() []report.Flag {
	return a.pairs("black-box-stronger", func(x, y report.Attack) bool {
		return x.Eps == y.Eps && x.Kind == "gradient" && x.Knowledge == "system" && y.Kind == "black-box"
	}, func(x, y report.Attack, systems string) report.Text {
		return report.T("flag.black-box-stronger", y.Name, x.Name, systems)
	})
}

// transferStronger names white-box attacks that images from the encoder alone beat: by their scores, or because for
// more than one image in a hundred and more than one such an image had to take the place of what the gradient found.
func (a *assembly) transferStronger() []report.Flag {
	out := a.pairs("transfer-stronger", func(x, y report.Attack) bool {
		return x.Eps == y.Eps && x.Knowledge == "system" && y.Knowledge == "encoder" && x.Kind == "gradient" && y.Kind == "gradient"
	}, func(x, y report.Attack, systems string) report.Text {
		return report.T("flag.transfer-stronger", y.Name, x.Name, systems)
	})
	for _, at := range a.report.Attacks {
		f, names := report.Flag{Code: "transfer-stronger", Attack: at.ID}, []string(nil)
		for _, id := range at.Systems {
			taken := 0
			for i := range a.report.Images {
				if o := a.report.Images[i].Shown(at.ID, id); o != nil && o.From != "" {
					taken++
				}
			}
			if n := len(a.report.Images); float64(taken) > max(1, 0.01*float64(n)) {
				f.Systems, names = append(f.Systems, id), append(names, fmt.Sprintf("%s (%d/%d)", a.report.System(id).Name, taken, n))
			}
		}
		if len(names) > 0 {
			f.Text = report.T("flag.transfer-kept", at.Name, someOf(names))
			out = append(out, f)
		}
	}
	return out
}

// pairs raises a flag where x should do at least as much harm as y and does clearly less, with the systems on
// which it does.
func (a *assembly) pairs(code string, related func(x, y report.Attack) bool, text func(x, y report.Attack, systems string) report.Text) []report.Flag {
	var out []report.Flag
	for _, x := range a.report.Attacks {
		for _, y := range a.report.Attacks {
			if x.ID == y.ID || !related(x, y) {
				continue
			}
			f := report.Flag{Code: code, Attack: x.ID}
			var names []string
			for _, s := range a.report.Systems {
				cx, cy := a.report.Cell(s.ID, x.ID), a.report.Cell(s.ID, y.ID)
				if cx != nil && cy != nil && weaker(s.Metric, cx.Score, cy.Score) {
					f.Systems, names = append(f.Systems, s.ID), append(names, s.Name)
				}
			}
			if len(names) > 0 {
				f.Text = text(x, y, someOf(names))
				out = append(out, f)
			}
		}
	}
	return out
}

// someOf lists the first names and counts the others.
func someOf(names []string) string {
	const shown = 3
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, … (+%d)", strings.Join(names[:shown], ", "), len(names)-shown)
}

// weaker reports whether the score under x is better than under y by more than one image in a hundred
// and more than one image.
func weaker(m report.Metric, x, y report.Score) bool {
	d := float64(x.Value - y.Value)
	if !m.HigherIsBetter {
		d = -d
	}
	return d > math.Max(0.01, 1.5/float64(max(1, x.N)))
}

// preprocessing tells of a transform that was assumed, and of systems that share the encoder and yet read images
// in another way: one of the two readings is likely wrong.
func (a *assembly) preprocessing() []report.Flag {
	var out []report.Flag
	if src := a.report.Claim.Preprocess.Source; strings.Contains(src, "default") {
		out = append(out, report.Flag{Code: "preprocessing", Text: report.T("flag.preprocessing", src)})
	}
	var ids, names []string
	for _, s := range a.report.Systems {
		if s.Preprocess != nil && s.Relation != "other-architecture" {
			ids, names = append(ids, s.ID), append(names, s.Name)
		}
	}
	if len(ids) > 0 {
		out = append(out, report.Flag{Code: "preprocessing-mismatch", Systems: ids, Text: report.T("flag.preprocessing-mismatch", someOf(names))})
	}
	return out
}

// reader is a group of systems of which it is known how they read images.
type reader interface{ reads() encoder.Preprocess }

func (g *headGroup) reads() encoder.Preprocess { return g.enc.Spec().Preproc }

// Overruled is the flag of a configured preprocessing p for what is called name, where its file says another one; nil
// where it says the same, or nothing.
func Overruled(name string, p encoder.Preprocess, file *encoder.Preprocess) []report.Flag {
	if file == nil || differently(p, *file) == nil {
		return nil
	}
	own := *file
	own.Source = ""
	p.Source = ""
	return []report.Flag{{Code: "preprocessing-mismatch", Text: report.T("flag.preprocessing-overruled", name, file.Source, p, own)}}
}

// differently returns p where it is another transform than q, else nil.
func differently(p, q encoder.Preprocess) *encoder.Preprocess {
	plain := func(t encoder.Preprocess) encoder.Preprocess {
		t.Source = ""
		if t.Filter == "" {
			t.Filter = encoder.Bicubic
		}
		if t.CropRule == "" {
			t.CropRule = encoder.CropFloor
		}
		return t
	}
	if plain(p) == plain(q) {
		return nil
	}
	return &p
}
