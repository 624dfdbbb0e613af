package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// flags are the doubts about the evaluation. Each check is a function of its own; the literature behind
// them is Carlini et al. (arXiv 1902.06705) and the checks of AutoAttack (Croce et al., arXiv 2003.01690).
func (a *assembly) flags() []report.Flag {
	var out []report.Flag
	for _, check := range []func() []report.Flag{
		a.known, a.fewImages, a.skippedFiles, a.notJudged, a.noAnswer, a.weakClean, a.outside, a.failures, a.asGoodAsNoise, a.noiseStronger, a.moreStepsWeaker, a.largerEpsWeaker,
		a.blackBoxStronger, a.transferStronger, a.saturated, a.floatOnly, a.preprocessing, a.notAdapted,
	} {
		out = append(out, check()...)
	}
	return out
}

func (a *assembly) fewImages() []report.Flag {
	n := len(a.report.Images)
	d := smallestDrop(n)
	if d < 0.1 {
		return nil
	}
	text := "100 %"
	if !math.IsInf(d, 0) && !math.IsNaN(d) {
		text = share(d)
	}
	return []report.Flag{{Code: "few-images", Text: report.T("flag.few-images", n, text)}}
}

func (a *assembly) skippedFiles() []report.Flag {
	skipped := a.report.Claim.Data.Skipped
	if len(skipped) == 0 {
		return nil
	}
	f := report.Flag{Code: "skipped", Text: report.T("flag.skipped", len(skipped))}
	for _, s := range skipped {
		f.Images = append(f.Images, s.File)
	}
	return []report.Flag{f}
}

// known are the doubts that were there before the run.
func (a *assembly) known() []report.Flag { return a.journal.head.Flags }

// notJudged names systems for which images lack annotation.
func (a *assembly) notJudged() []report.Flag {
	var out []report.Flag
	for s, system := range a.report.Systems {
		images, reason := a.where(s, report.Clean, func(r Response) bool { return !r.judged() })
		if len(images) > 0 {
			out = append(out, report.Flag{Code: "not-judged", System: system.ID, Images: images,
				Text: report.T("flag.not-judged", system.Name, len(images), len(a.report.Images), strings.TrimPrefix(reason, reasonUnjudged))})
		}
	}
	return out
}

// noAnswer names systems that gave no answer to some image, with the attack under which they failed most often.
func (a *assembly) noAnswer() []report.Flag {
	var out []report.Flag
	for s, system := range a.report.Systems {
		var most report.Flag
		for _, at := range a.report.Attacks {
			if at.Kind == report.Worst || a.rows[at.ID][s] == nil {
				continue
			}
			images, reason := a.where(s, at.ID, Response.failed)
			if len(images) > len(most.Images) {
				most = report.Flag{Code: "no-answer", System: system.ID, Attack: at.ID, Images: images,
					Text: report.T("flag.no-answer", system.Name, len(images), len(a.report.Images), at.ID, strings.TrimPrefix(reason, reasonError))}
			}
		}
		if len(most.Images) > 0 {
			out = append(out, most)
		}
	}
	return out
}

// where are the images with such a response of a system, and the reason of the first.
func (a *assembly) where(s int, attack string, is func(Response) bool) (images []string, reason string) {
	for i, r := range a.rows[attack][s] {
		if is(r) {
			if images = append(images, a.report.Images[i].ID); reason == "" {
				reason = r.Reason
			}
		}
	}
	return images, reason
}

func (a *assembly) outside() []report.Flag {
	return a.perAttack("outside", func(o *report.Outcome) bool { return !o.Inside }, func(at report.Attack, images []string) report.Text {
		return report.T("flag.outside", at.ID, len(images))
	})
}

func (a *assembly) failures() []report.Flag {
	n := len(a.report.Images)
	reason := map[string]string{}
	out := a.perAttack("failed", func(o *report.Outcome) bool {
		if o.Status == "failed" && reason[o.Attack] == "" {
			reason[o.Attack] = o.Reason
		}
		return o.Status == "failed"
	}, func(at report.Attack, images []string) report.Text {
		return report.T("flag.failed", at.ID, len(images), n, reason[at.ID])
	})
	out = append(out, a.perAttack("not-finite", func(o *report.Outcome) bool {
		return o.Status == "non-finite" || slices.ContainsFunc(o.Layers, func(x report.Number) bool { return !x.Finite() })
	}, func(at report.Attack, images []string) report.Text {
		return report.T("flag.not-finite", at.ID, len(images))
	})...)
	return append(out, a.perAttack("zero-gradient", func(o *report.Outcome) bool {
		return slices.ContainsFunc(o.Notes, func(w string) bool {
			return strings.Contains(w, "gradient") && strings.Contains(w, "zero")
		})
	}, func(at report.Attack, images []string) report.Text {
		return report.T("flag.zero-gradient", at.ID, len(images), n)
	})...)
}

// perAttack raises a flag for each attack with images for which bad is true.
func (a *assembly) perAttack(code string, bad func(*report.Outcome) bool, text func(report.Attack, []string) report.Text) []report.Flag {
	var out []report.Flag
	for _, at := range a.report.Attacks {
		var images []string
		for i := range a.report.Images {
			if slices.ContainsFunc(a.report.Images[i].Under(at.ID), bad) {
				images = append(images, a.report.Images[i].ID)
			}
		}
		if len(images) > 0 {
			out = append(out, report.Flag{Code: code, Attack: at.ID, Images: images, Text: text(at, images)})
		}
	}
	return out
}

// asGoodAsNoise names gradient attacks that do not move the tokens further than noise of the same size:
// the gradient may be masked.
func (a *assembly) asGoodAsNoise() []report.Flag {
	var out []report.Flag
	for _, eps := range a.report.Budgets() {
		attacks := a.report.At(eps)
		k := slices.IndexFunc(attacks, func(at report.Attack) bool { return at.Kind == "noise" })
		if k < 0 {
			continue
		}
		noise := a.lastLayer(attacks[k].ID)
		for _, at := range attacks {
			if drift := a.lastLayer(at.ID); at.Kind == "gradient" && drift >= noise && !math.IsNaN(drift) {
				out = append(out, report.Flag{Code: "masked-gradient", Attack: at.ID,
					Text: report.T("flag.masked-gradient", at.ID, fmt.Sprintf("cosine %.2f against %.2f", drift, noise))})
			}
		}
	}
	return out
}

// lastLayer is the mean cosine of the patch tokens at the last block.
func (a *assembly) lastLayer(attack string) float64 {
	mean, _ := a.report.LayerDrift(attack)
	if len(mean) == 0 {
		return math.NaN()
	}
	return mean[len(mean)-1]
}

// saturated names attacks whose change sits at the edge of the budget nearly everywhere.
func (a *assembly) saturated() []report.Flag {
	var out []report.Flag
	for _, at := range a.report.Attacks {
		if at.Kind != "gradient" || at.EpsValue == 0 {
			continue
		}
		var sum, n float64
		for i := range a.report.Images {
			im := &a.report.Images[i]
			for _, o := range im.Under(at.ID) {
				if o.Linf > 0 { // ‖δ‖₂ relative to a change of the largest size at every value
					full := float64(o.Linf) / 255 * math.Sqrt(3*float64(im.Width)*float64(im.Height))
					sum += math.Pow(float64(o.L2)/full, 2)
					n++
				}
			}
		}
		if n > 0 && sum/n > 0.95 {
			out = append(out, report.Flag{Code: "saturated", Attack: at.ID, Text: report.T("flag.saturated", at.ID, int(math.Round(100*sum/n)))})
		}
	}
	return out
}

// floatOnly names attacks that lose their success when the image is rounded to 8 bits.
func (a *assembly) floatOnly() []report.Flag {
	var out []report.Flag
	for _, at := range a.report.Attacks {
		for s, system := range a.report.Systems {
			if _, ok := a.scorers[s].(binary); !ok || at.Kind != "gradient" {
				continue
			}
			var lost []string
			for i, f := range a.float[at.ID][s] {
				clean, file := a.rows[report.Clean][s][i], a.rows[at.ID][s][i]
				if clean.Value == 1 && f.Value != 1 && file.Value == 1 {
					lost = append(lost, a.report.Images[i].ID)
				}
			}
			if n := len(a.report.Images); len(lost)*20 > n {
				out = append(out, report.Flag{Code: "float-only", Attack: at.ID, System: system.ID, Images: lost,
					Text: report.T("flag.float-only", at.ID, len(lost), n)})
			}
		}
	}
	return out
}

// notAdapted names defended systems that no attack was crafted for.
func (a *assembly) notAdapted() []report.Flag {
	var ids, names []string
	for _, s := range a.report.Systems {
		known := slices.ContainsFunc(a.report.Attacks, func(at report.Attack) bool { return slices.Contains(at.Systems, s.ID) })
		if s.Relation == "defended" && !known && !a.tried[s.ID] {
			ids, names = append(ids, s.ID), append(names, s.Name)
		}
	}
	if ids == nil {
		return nil
	}
	return []report.Flag{{Code: "defence-not-adapted", Systems: ids, Text: report.T("flag.defence-not-adapted", someOf(names))}}
}

// share prints a share as percent.
func share(x float64) string { return report.Metric{Share: true}.Format(report.Number(x)) }
