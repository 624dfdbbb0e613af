package eval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// JournalName is the journal's file name in a run's folder.
const JournalName = "journal.jsonl"

// pictureFolder holds the pictures below a run's folder.
const pictureFolder = "images"

// Run carries out the plan in folder dir, which must exist: pictures go to dir/images, finished pairs to
// dir/journal.jsonl. With resume, a journal that is there is continued; without, a new run takes the place
// of an older one and of its pictures. On cancellation the journal holds what was finished and the error is
// the context's.
//
// The trials of defences come after the plan itself, each with a journal and pictures in a folder of its
// own below dir.
func Run(ctx context.Context, p *Plan, dir string, resume bool) (*Journal, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	j, err := p.runIn(ctx, dir, resume, 0)
	if err != nil {
		return j, err
	}
	return j, p.runTrials(ctx, j, dir, resume)
}

// runIn carries out the plan without its trials; before is how many pairs of a larger plan are done.
func (p *Plan) runIn(ctx context.Context, dir string, resume bool, before int) (*Journal, error) {
	j, replaced, err := openJournal(filepath.Join(dir, JournalName), p.header(), resume)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	if replaced {
		if err := os.RemoveAll(filepath.Join(dir, pictureFolder)); err != nil {
			return nil, err
		}
	}
	r := &runner{Plan: p, dir: dir, journal: j, layers: p.Encoder.Spec().Layers(), before: before}
	if err := r.measureLatency(ctx); err != nil {
		return nil, err
	}
	return j, r.run(ctx)
}

// header is what the journal says the run is about.
func (p *Plan) header() header {
	sum := sha256.Sum256([]byte(p.Config))
	h := header{Schema: journalSchema, Title: p.Title, Systems: p.systems(), Gaps: p.Gaps, Flags: p.Flags, Samples: p.Data.Len(), Shard: p.Shard, Shards: p.Shards,
		Claim: report.Claim{Tool: p.Tool, Arithmetic: p.Arithmetic, Encoder: p.Artifact, Preprocess: p.Encoder.Spec().Preproc,
			Data: report.Data{Name: p.Data.Name}, Seed: p.Seed, Config: p.Config, ConfigHash: hex.EncodeToString(sum[:]), Judged: "png"}}
	for _, t := range p.Trials {
		h.Trials = append(h.Trials, t.folder(len(h.Trials)))
	}
	if p.trial != nil {
		h.Trial = &p.trial.head
	}
	for _, problem := range p.Data.Problems {
		h.Claim.Data.Skipped = append(h.Claim.Data.Skipped, report.Skipped{File: p.Data.Name, Reason: problem.Error()})
	}
	h.Attacks = p.attacks()
	return h
}

// runner is one call of Run.
type runner struct {
	*Plan
	dir     string
	journal *Journal
	layers  []encoder.Tap
	before  int // pairs that other parts of the evaluation have done
}

// batch is a few images, decoded, with the tokens of the clean ones.
type batch struct {
	index   []int // in the data set
	samples []*dataset.Sample
	tokens  [][]head.Activation // [layer][image]
}

func (r *runner) run(ctx context.Context) error {
	size := r.Workers
	if size == 0 {
		size = runtime.GOMAXPROCS(0)
	}
	size = max(8, 2*size)
	if r.together() {
		size = r.Data.Len() // the attack's result must not depend on how many processors there are
	}
	var mine []int
	for i := range r.Data.Samples {
		if r.mine(i) {
			mine = append(mine, i)
		}
	}
	for len(mine) > 0 {
		n := min(size, len(mine))
		if err := r.batch(ctx, mine[:n]); err != nil {
			return err
		}
		mine = mine[n:]
	}
	return nil
}

// batch runs every attempt on some images, as far as the journal does not hold them.
func (r *runner) batch(ctx context.Context, index []int) error {
	b, err := r.load(ctx, index)
	if err != nil {
		return err
	}
	for k := 0; k <= len(r.Attempts); k++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		todo := r.unfinished(b, k)
		if len(todo.index) == 0 {
			continue
		}
		if err := r.attempt(ctx, todo, k); err != nil {
			return err
		}
	}
	return nil
}

// load decodes the images that still have something to do and records what they are.
func (r *runner) load(ctx context.Context, index []int) (*batch, error) {
	b := new(batch)
	for _, i := range index {
		if r.journal.skipped[i] != nil || r.finished(i) && !r.together() {
			continue
		}
		s, err := r.Data.Load(i)
		if err != nil {
			if err := r.journal.add(line{Skip: &skipLine{i, r.Data.Samples[i].ID, err.Error()}}); err != nil {
				return nil, err
			}
			continue
		}
		if known := r.journal.images[i]; known == nil {
			if err := r.journal.add(line{Image: r.describe(i, s)}); err != nil {
				return nil, err
			}
		} else if known.SHA256 != s.Hash || known.ID != s.ID {
			return nil, fmt.Errorf("eval: %s is not the image that the interrupted run saw: start again in another folder", s.ID)
		}
		b.index, b.samples = append(b.index, i), append(b.samples, s)
	}
	if len(b.samples) == 0 {
		return b, nil
	}
	var err error
	b.tokens, err = activations(ctx, r.Encoder, b.samples, r.layers)
	return b, err
}

func (r *runner) describe(i int, s *dataset.Sample) *imageLine {
	l := &imageLine{Index: i, ID: s.ID, SHA256: s.Hash, Width: s.Width, Height: s.Height}
	if s.Label >= 0 && s.Label < len(r.Data.Classes) {
		l.Label = r.Data.Classes[s.Label]
	}
	return l
}

// id names the k-th attempt; 0 is the clean one.
func (r *runner) id(k int) string {
	if k == 0 {
		return report.Clean
	}
	return r.Attempts[k-1].ID()
}

// system is the only one that the k-th attempt concerns, "" for all.
func (r *runner) system(k int) string {
	if k == 0 {
		return ""
	}
	return r.Attempts[k-1].System
}

// fullID also names the system, if there is only one.
func (r *runner) fullID(k int) string {
	if k == 0 {
		return report.Clean
	}
	return r.Attempts[k-1].full()
}

func (r *runner) done(i, k int) bool { return r.journal.done(i, r.id(k), r.system(k)) }

func (r *runner) finished(i int) bool {
	for k := 0; k <= len(r.Attempts); k++ {
		if !r.done(i, k) {
			return false
		}
	}
	return true
}

// unfinished selects the images of b that lack attempt k.
func (r *runner) unfinished(b *batch, k int) *batch {
	if k > 0 && attack.Together(r.Attempts[k-1].Attack) && slices.ContainsFunc(b.index, func(i int) bool { return !r.done(i, k) }) {
		return b // one perturbation is sought on all images again, also where some are recorded
	}
	out := &batch{tokens: make([][]head.Activation, len(b.tokens))}
	for n, i := range b.index {
		if r.done(i, k) {
			continue
		}
		out.index, out.samples = append(out.index, i), append(out.samples, b.samples[n])
		for l := range b.tokens {
			out.tokens[l] = append(out.tokens[l], b.tokens[l][n])
		}
	}
	return out
}

// record writes finished entries and tells the caller.
func (r *runner) record(b *batch, entries []*entry) error {
	lines := make([]line, len(entries))
	for i, e := range entries {
		lines[i] = line{Entry: e}
	}
	if err := r.journal.add(lines...); err != nil {
		return err
	}
	if r.Progress == nil {
		return nil
	}
	done := len(r.journal.entries) + len(r.journal.skipped)*(1+len(r.Attempts))
	r.Progress(Progress{Done: r.before + done, Total: r.whole().pairs(), Image: b.samples[len(b.samples)-1].ID, Attack: entries[0].name()})
	return nil
}

// makeFolder makes the folder of a file below dir.
func (r *runner) makeFolder(name string) error {
	return os.MkdirAll(filepath.Dir(filepath.Join(r.dir, filepath.FromSlash(name))), 0o755)
}

var errEmptyResult = errors.New("eval: the attack handed out no image")
