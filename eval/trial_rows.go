package eval

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// tried lists the systems of a plan that stand behind defences that have trials.
func tried(j *Journal) map[string]bool {
	out := map[string]bool{}
	for _, t := range j.trials {
		if t == nil {
			continue
		}
		if head := t.head.Trial; head != nil {
			for _, s := range head.Systems {
				out[behind(head.Defence, s)] = true
			}
		}
	}
	return out
}

// behind is the identifier of a system behind a defence.
func behind(defence, system string) string { return defence + "/" + system }

// defences fills the report's rows about defences from the journals of all shards.
func (a *assembly) defences(journals []*Journal) error {
	base := map[string][]Response{} // system and budget → each image's worst response without a defence
	for k := range a.journal.head.Trials {
		var parts []*Journal
		for _, j := range journals {
			if k < len(j.trials) && j.trials[k] != nil {
				parts = append(parts, j.trials[k])
			}
		}
		if len(parts) < len(journals) {
			a.unfinished = append(a.unfinished, path.Base(a.journal.head.Trials[k]))
			continue
		}
		rows, err := newTrialAssembly(a, parts)
		if errors.Is(err, errUnfinished) {
			a.unfinished = append(a.unfinished, parts[0].head.Trial.Defence)
			continue
		}
		if err != nil {
			return fmt.Errorf("eval: trial %s: %w", a.journal.head.Trials[k], err)
		}
		if err := rows.all(base); err != nil {
			return fmt.Errorf("eval: defence %s: %w", rows.head.Defence, err)
		}
	}
	return nil
}

// trialAssembly makes the rows of one defence.
type trialAssembly struct {
	*assembly
	whole *assembly
	head  trialHead
}

func newTrialAssembly(whole *assembly, journals []*Journal) (*trialAssembly, error) {
	j, err := join(journals)
	if err != nil {
		return nil, err
	}
	if j.head.Trial == nil || len(j.head.Systems) != j.head.Trial.Draws*len(j.head.Trial.Systems) {
		return nil, fmt.Errorf("its journal is not that of a trial")
	}
	t := &trialAssembly{&assembly{journal: j, report: newReport(j), seconds: whole.seconds}, whole, *j.head.Trial}
	if err := t.collect(); err != nil {
		return nil, err
	}
	whole.latency[t.head.Defence] = averageLatency(journals)
	return t, nil
}

// averageLatency is the mean over shards.
func averageLatency(journals []*Journal) (out report.Latency) {
	n := 0.0
	for _, j := range journals {
		if j.latency != nil {
			out.Undefended, out.Added = out.Undefended+j.latency.Undefended, out.Added+j.latency.Added
			n++
		}
	}
	if n > 0 {
		out.Undefended, out.Added = out.Undefended/n, out.Added/n
	}
	return out
}

// all adds a row per system and budget.
func (t *trialAssembly) all(base map[string][]Response) error {
	for s := range t.head.Systems {
		for _, eps := range t.report.Budgets() {
			row, worst, err := t.row(s, eps)
			if err != nil {
				return err
			}
			key := row.System + "@" + eps
			if t.head.Defence == report.Undefended {
				base[key] = worst
			} else if without := base[key]; without != nil {
				buys, _, err := t.paired(s, worst, without)
				if err != nil {
					return err
				}
				row.Buys = &buys
			}
			row.Verdict = t.verdict(s, &row)
			row.Flags = t.doubts(s, &row)
			t.whole.report.Defences = append(t.whole.report.Defences, row)
		}
	}
	return nil
}

// row scores one system at one budget, and returns each image's worst response over all attacks and draws.
func (t *trialAssembly) row(s int, eps string) (report.Defence, []Response, error) {
	d := report.Defence{Name: t.head.Defence, System: t.head.Systems[s], Eps: eps, Random: t.head.Random, Surrogate: t.head.Surrogate, Draws: t.head.Draws}
	var err error
	if d.Clean, err = t.score(s, t.rows[report.Clean][s]); err != nil {
		return d, nil, err
	}
	d.Attacks = t.report.At(eps)
	var worst []Response
	for _, role := range append([]string{""}, report.Roles...) {
		rows := t.worstOf(s, eps, role)
		if rows == nil {
			continue
		}
		worst = worse(worst, rows)
		if role == "" {
			continue // noise counts among the worst, but has no column
		}
		score, err := t.score(s, rows)
		if err != nil {
			return d, nil, err
		}
		d.Roles = append(d.Roles, report.ByRole{Role: role, Score: score})
	}
	if worst == nil {
		return d, nil, fmt.Errorf("no attack at ε = %s", eps)
	}
	d.Worst, err = t.score(s, worst)
	return d, worst, err
}

// worstOf takes for every image the response that lost most, over the attacks of a role and the judge's
// draws; nil where no attack has the role.
func (t *trialAssembly) worstOf(s int, eps, role string) []Response {
	var out []Response
	for _, at := range t.report.At(eps) {
		if at.Role != role {
			continue
		}
		for draw := range t.head.Draws {
			out = worse(out, t.rows[at.ID][draw*len(t.head.Systems)+s])
		}
	}
	return out
}

// worse takes the worse of two responses image by image; x may be nil.
func worse(x, y []Response) []Response {
	if x == nil {
		return slices.Clone(y)
	}
	for i, r := range y {
		if r.Value < x[i].Value || !r.Value.Finite() && x[i].Value.Finite() {
			x[i] = r
		}
	}
	return x
}
