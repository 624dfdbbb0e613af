package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// Assemble makes the report of a finished run from its journal, or of a whole evaluation from the
// journals of all its shards. Trials of defences that are not finished are left out and named among what was
// not tested. It depends on the journals, the gates and the baseline alone. The Run
// holds the seconds that the journals recorded.
func Assemble(gates []Gate, baseline *report.Report, journals ...*Journal) (*report.Report, *report.Run, error) {
	j, err := join(journals)
	if err != nil {
		return nil, nil, err
	}
	a := &assembly{journal: j, report: newReport(j), seconds: map[string]float64{}, latency: map[string]report.Latency{},
		tried: tried(journals[0])}
	if err := a.collect(); err != nil {
		return nil, nil, err
	}
	if err := a.scores(); err != nil {
		return nil, nil, err
	}
	if err := a.defences(journals); err != nil {
		return nil, nil, err
	}
	r := a.report
	r.Flags = a.flags()
	r.Findings = a.findings()
	r.NotTested = a.gaps()
	r.Detectable = report.Number(smallestDrop(len(r.Images)))
	if r.Gates, err = judgeGates(r, gates, baseline); err != nil {
		return nil, nil, err
	}
	r.Verdict = verdict(r)
	return r, &report.Run{Attacks: a.seconds, Latency: a.latency}, r.Validate()
}

// Finish completes what a journal cannot know about a run.
func Finish(run *report.Run, started time.Time, machine string) {
	run.Started, run.Seconds, run.Machine = started.UTC().Truncate(time.Second), time.Since(started).Seconds(), machine
}

// assembly is one call of Assemble.
type assembly struct {
	journal    *Journal
	report     *report.Report
	scorers    []scorer
	seconds    map[string]float64
	latency    map[string]report.Latency
	tried      map[string]bool             // systems behind defences that have trials, which judge them
	unfinished []string                    // trials of an interrupted run
	rows       map[string][][]Response     // attack → system → image, from the files
	float      map[string][][]Response     // the same before rounding
	pvalues    map[string][]*report.Number // system → of attacks against clean, to be adjusted together
	bounds     map[string][]*report.Number // system → of white-box attacks against clean
	controls   []*report.Number            // of noise against clean and of attacks against each other
}

func newReport(j *Journal) *report.Report {
	r := &report.Report{Schema: report.Schema, Title: j.head.Title, Claim: j.head.Claim,
		Systems: slices.Clone(j.head.Systems), Attacks: slices.Clone(j.head.Attacks)}
	r.Claim.Data.Skipped = slices.Clone(r.Claim.Data.Skipped)
	if j.head.Shards > 1 {
		r.Title += fmt.Sprintf(" (shard %d/%d)", j.head.Shard, j.head.Shards)
	}
	return r
}

var errUnfinished = errors.New("not finished")

// join unites the journals of shards and refuses what does not belong together or is not finished.
func join(journals []*Journal) (*Journal, error) {
	if len(journals) == 0 {
		return nil, fmt.Errorf("eval: no journal")
	}
	all := newJournal(journals[0].head)
	if len(journals) > 1 {
		all.head.Shard, all.head.Shards = 0, 0
	}
	for n, j := range journals {
		if err := sameClaim(journals[0].head, j.head, false); err != nil {
			return nil, fmt.Errorf("eval: journal %d does not belong to the first: %w", n+1, err)
		}
		maps.Copy(all.images, j.images)
		maps.Copy(all.skipped, j.skipped)
		maps.Copy(all.entries, j.entries)
	}
	shard := Plan{Shard: all.head.Shard, Shards: all.head.Shards}
	missing := 0
	for i := range all.head.Samples {
		if !shard.mine(i) || all.skipped[i] != nil {
			continue
		}
		for _, a := range all.head.Attacks {
			for _, system := range a.Targets() {
				if !all.done(i, a.ID, system) {
					missing++
				}
			}
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("eval: %d pairs of image and attack are %w: resume the run or add the missing shards", missing, errUnfinished)
	}
	return all, nil
}

// collect sorts images, costs and responses into place.
func (a *assembly) collect() error {
	j, r := a.journal, a.report
	for _, s := range r.Systems {
		sc, err := newScorer(head.Task(s.Task), nil)
		if err != nil {
			return fmt.Errorf("eval: system %s: %w", s.ID, err)
		}
		a.scorers = append(a.scorers, sc)
	}
	hash := sha256.New()
	for _, i := range slices.Sorted(maps.Keys(j.skipped)) {
		r.Claim.Data.Skipped = append(r.Claim.Data.Skipped, report.Skipped{File: j.skipped[i].File, Reason: j.skipped[i].Reason})
	}
	order := slices.Sorted(maps.Keys(j.images))
	for _, i := range order {
		im := j.images[i]
		fmt.Fprintf(hash, "%s %s\n", im.SHA256, im.ID)
		r.Images = append(r.Images, report.Image{ID: im.ID, SHA256: im.SHA256, Width: im.Width, Height: im.Height, Label: im.Label})
	}
	if len(order) == 0 {
		return fmt.Errorf("eval: none of the %d images could be read; the first: %s", len(j.skipped), r.Claim.Data.Skipped[0].Reason)
	}
	r.Claim.Data.Images, r.Claim.Data.SHA256 = len(order), hex.EncodeToString(hash.Sum(nil))
	a.rows, a.float = map[string][][]Response{}, map[string][][]Response{}
	for k := range r.Attacks {
		a.collectAttack(&r.Attacks[k], order)
	}
	return nil
}

// collectAttack fills the attack's cost and rows and gives every image its outcomes: one, or one for each
// system that the attack went against on its own.
func (a *assembly) collectAttack(at *report.Attack, order []int) {
	systems := len(a.report.Systems)
	a.rows[at.ID], a.float[at.ID] = make([][]Response, systems), make([][]Response, systems)
	for n, i := range order {
		im := &a.report.Images[n]
		for _, target := range at.Targets() {
			e := a.journal.entries[key{i, at.ID, target}]
			at.Cost.Forwards += e.Cost.Forwards
			at.Cost.Backwards += e.Cost.Backwards
			at.Cost.Queries += e.Cost.Queries
			a.seconds[at.ID] += e.Seconds
			im.Outcomes = append(im.Outcomes, a.outcome(e))
		}
	}
}

// outcome appends an entry's answers to the rows of the systems that gave them.
func (a *assembly) outcome(e *entry) report.Outcome {
	o := e.Outcome
	o.Answers = nil
	k := 0
	for s, system := range a.report.Systems {
		if e.System != "" && e.System != system.ID {
			continue
		}
		shown, before := e.Responses[k], e.Float[k]
		k++
		if !o.Inside { // no attack at all: the image counts as it was
			clean := a.journal.entries[key{e.Index, report.Clean, ""}]
			shown, before = clean.Responses[s], clean.Responses[s]
		}
		a.rows[e.Attack][s], a.float[e.Attack][s] = append(a.rows[e.Attack][s], shown), append(a.float[e.Attack][s], before)
		o.Answers = append(o.Answers, report.Answer{System: system.ID, Text: shown.Text, Truth: shown.Truth, Value: shown.Value, Reason: shown.Reason})
	}
	return o
}
