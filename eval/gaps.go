package eval

import (
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// gaps lists what the evaluation says nothing about, as far as its attacks and systems tell.
func (a *assembly) gaps() []report.Text {
	r := a.report
	out := []report.Text{report.T("gap.other-attacks"), report.T("gap.physical"), report.T("gap.patch")}
	has := func(f func(report.Attack) bool) bool { return slices.ContainsFunc(r.Attacks, f) }
	if !has(func(at report.Attack) bool { return at.Knowledge == "system" && at.Kind == "gradient" }) {
		out = append(out, report.T("gap.white-box"))
	}
	if !has(func(at report.Attack) bool { return at.Kind == "black-box" }) {
		out = append(out, report.T("gap.black-box"))
	}
	if len(r.Defences) == 0 && !slices.ContainsFunc(r.Systems, func(s report.System) bool { return s.Relation == "defended" }) {
		out = append(out, report.T("gap.defences"))
	}
	if budgets := r.Budgets(); len(budgets) > 0 {
		out = append(out, report.T("gap.other-eps", strings.Join(budgets, ", ")))
	}
	if len(a.unfinished) > 0 {
		out = append(out, report.T("gap.unfinished", strings.Join(a.unfinished, ", ")))
	}
	out = append(out, report.T("gap.other-images", len(r.Images)))
	if missing := a.missingTasks(); missing != "" {
		out = append(out, report.T("gap.tasks", missing))
	}
	if !has(func(at report.Attack) bool { return at.Kind == "corruption" }) {
		out = append(out, report.T("gap.corruptions"))
	}
	out = append(out, report.T("gap.poisoning"), report.T("gap.privacy"))
	return append(out, a.journal.head.Gaps...)
}

func (a *assembly) missingTasks() string {
	var out []string
	for _, t := range []head.Task{head.Classification, head.Anomaly, head.Segmentation, head.Detection, head.Captioning, head.VQA, head.Retrieval} {
		if !slices.ContainsFunc(a.report.Systems, func(s report.System) bool { return s.Task == string(t) }) {
			out = append(out, string(t))
		}
	}
	return strings.Join(out, ", ")
}
