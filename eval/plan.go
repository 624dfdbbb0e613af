package eval

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// Plan is an evaluation before it is run. Everything in it but Workers and Progress belongs to the
// claim.
type Plan struct {
	Title      string
	Tool       string          // name and version
	Arithmetic string          // instruction path of the float kernels
	Encoder    encoder.Encoder // the encoder that the attacks see
	Artifact   report.Artifact // the file it was read from
	Data       *dataset.Dataset
	Groups     []Group
	Attempts   []Attempt
	Seed       uint64
	Config     string        // the configuration as YAML, for the record
	Gaps       []report.Text // what this plan leaves untested beside what its attacks and systems imply
	Flags      []report.Flag // doubts that are known before the run, such as systems that could not be made
	Trials     []*Trial      // defences, each attacked by somebody who knows it; see [Adversity.Trial]

	// Shard and Shards select every Shards-th image, from the Shard-th counted from 1; zero for all.
	Shard, Shards int

	Workers  int            // images at once; 0 for GOMAXPROCS
	Progress func(Progress) // called after every finished (image, attack), from one goroutine; may be nil

	trial     *Trial // set where the plan is that of a trial, with the plan that it belongs to
	parent    *Plan
	parentDir string // the folder of the parent's files
}

// Attempt is one attack at one budget.
type Attempt struct {
	Name      string // as asked for; with the budget it identifies the attempt
	Attack    attack.Attack
	Threat    attack.ThreatModel
	Kind      string // noise, gradient, black-box, corruption
	Knowledge string // none, encoder, system

	// Source is the encoder that the attack follows, where that is not the plan's: another one it transfers
	// from, or a defended one with a gradient for attackers.
	Source encoder.Encoder
	Role   string // what it does in the trial of a defence: one of report.Roles, or empty

	saved int // 1 + the attempt of the whole plan whose files are judged again; 0 to craft

	// Options returns what the attack is told beside the images, such as the head and labels of a
	// white-box attack; nil for none.
	Options func(images []*dataset.Sample) ([]attack.Option, error)

	// System is the identifier of the only system that a white-box attack goes against and is judged on; ""
	// for an attack whose images every system is shown. Its group must be a [Targeter].
	System string
}

// ID is name@eps. White-box attacks of one name on several systems share it.
func (a Attempt) ID() string { return a.Name + "@" + a.Threat.Eps.String() }

// full also names the system.
func (a Attempt) full() string {
	if a.System == "" {
		return a.ID()
	}
	return a.ID() + "+" + a.System
}

// Progress counts finished pairs of image and attack.
type Progress struct {
	Done, Total int
	Image       string
	Attack      string
}

// together reports whether an attempt seeks one perturbation for all images.
func (p *Plan) together() bool {
	return slices.ContainsFunc(p.Attempts, func(a Attempt) bool { return attack.Together(a.Attack) })
}

// Validate reports the first thing that makes the plan unusable.
func (p *Plan) Validate() error {
	switch {
	case p.Encoder == nil:
		return errors.New("eval: the plan has no encoder")
	case p.Data == nil || p.Data.Len() == 0:
		return errors.New("eval: the plan has no images")
	case len(p.Groups) == 0:
		return errors.New("eval: the plan has no system to judge")
	case p.Shards < 0 || p.Shards > 0 && (p.Shard < 1 || p.Shard > p.Shards):
		return fmt.Errorf("eval: shard %d/%d: want i/n with 1 ≤ i ≤ n", p.Shard, p.Shards)
	}
	seen := map[string]bool{report.Clean: true}
	for _, a := range p.Attempts {
		if a.Attack == nil || seen[a.full()] {
			return fmt.Errorf("eval: attack %s is missing or listed twice", a.full())
		}
		seen[a.full()] = true
		if p.Shards > 1 && attack.Together(a.Attack) {
			return fmt.Errorf("eval: attack %s seeks one perturbation for all images: it cannot be done in shards", a.full())
		}
		if a.System != "" && p.target(a.System) == nil {
			return fmt.Errorf("eval: attack %s: there is no such system, or it gives no gradient", a.full())
		}
		if err := a.Threat.Validate(1); err != nil {
			return fmt.Errorf("eval: attack %s: %w", a.ID(), err)
		}
		if a.Threat.Norm != attack.NormLinf {
			return fmt.Errorf("eval: attack %s: the judge measures %s, not %s", a.ID(), attack.NormLinf, a.Threat.Norm)
		}
	}
	if err := p.uniqueNames(); err != nil {
		return err
	}
	return p.validateTrials()
}

// uniqueNames refuses systems and images that could not be told apart in a report.
func (p *Plan) uniqueNames() error {
	systems, images := map[string]bool{}, map[string]bool{}
	for _, g := range p.Groups {
		for _, s := range g.Systems() {
			if systems[s.ID] {
				return fmt.Errorf("eval: two systems are called %s", s.ID)
			}
			systems[s.ID] = true
		}
	}
	for _, s := range p.Data.Samples {
		if s.ID == "" || !filepath.IsLocal(filepath.FromSlash(s.ID)) {
			return fmt.Errorf("eval: image identifier %q is no relative path", s.ID)
		}
		if name := pngName(s.ID); images[name] {
			return fmt.Errorf("eval: two images would be saved as %s", name)
		} else {
			images[name] = true
		}
	}
	return nil
}

// mine reports whether sample i belongs to the plan's shard.
func (p *Plan) mine(i int) bool { return p.Shards == 0 || i%p.Shards == p.Shard-1 }

// pngName is the file name under which an image is saved.
func pngName(id string) string {
	if strings.EqualFold(path.Ext(id), ".png") {
		return id
	}
	return id + ".png"
}

// picturePath is where the k-th attempt's file for an image goes, below the report's folder. The clean
// images have k = 0.
func picturePath(k int, attempt, image string) string {
	return path.Join(pictureFolder, fmt.Sprintf("%02d-%.60s", k, safeName(attempt)), pngName(image))
}

// safeName turns an expression into part of a file name.
func safeName(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("@.-+", r):
			return r
		case r == '/':
			return '-'
		}
		return '_'
	}, text)
}

// attacks describes the attempts as the columns of a report.
func (p *Plan) attacks() []report.Attack {
	out := []report.Attack{{ID: report.Clean, Name: report.Clean, Kind: "clean", Knowledge: "none"}}
	at := map[string]int{}
	for _, a := range p.Attempts {
		k, ok := at[a.ID()]
		if !ok {
			k = len(out)
			at[a.ID()] = k
			out = append(out, report.Attack{ID: a.ID(), Name: a.Name, Expression: a.Attack.String(), Kind: a.Kind,
				Knowledge: a.Knowledge, Role: a.Role, On: a.on(), Eps: a.Threat.Eps.String(), EpsValue: report.Number(a.Threat.Eps.Float())})
		}
		if a.System != "" {
			out[k].Systems = append(out[k].Systems, a.System)
		}
	}
	return out
}

// systems lists the systems of all groups in order.
func (p *Plan) systems() []report.System {
	var out []report.System
	for _, g := range p.Groups {
		from := len(out)
		out = append(out, g.Systems()...)
		r, ok := g.(reader)
		for i := from; ok && i < len(out); i++ {
			out[i].Preprocess = differently(r.reads(), p.Encoder.Spec().Preproc)
		}
	}
	return out
}
