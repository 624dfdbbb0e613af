package eval

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// whiteBoxPlan has two zero-shot heads, one of them blurred, and a nearest-neighbour head without gradient.
func whiteBoxPlan(t *testing.T, images int) *Plan {
	t.Helper()
	p := plan(t, images)
	p.Attempts = p.Attempts[:3]
	enc := p.Encoder
	means := classMeans(t, enc, p.Data)
	second, err := head.NewZeroShot("second", means, 3)
	if err != nil {
		t.Fatal(err)
	}
	loaded, errs := p.Data.LoadAll(context.Background())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	feats, err := head.Extract(context.Background(), enc, loaded, []encoder.Tap{encoder.Embedding})
	if err != nil {
		t.Fatal(err)
	}
	near, err := head.NewKNN("near", head.EmbeddingSource(enc.Spec()), feats, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	group, err := Heads(enc, "same-weights", "", p.Data, HeadSystem{Head: second}, HeadSystem{Head: near, Title: "Nearest"})
	if err != nil {
		t.Fatal(err)
	}
	p.Groups = append(p.Groups, group)
	a, err := attack.Parse("apgd(steps=6,stop=never)")
	if err != nil {
		t.Fatal(err)
	}
	more, without := WhiteBox(Attempt{Name: "white-box", Attack: a, Threat: p.Attempts[0].Threat, Kind: "gradient"}, p.Groups...)
	if !slices.Equal(without, []string{"Nearest"}) || len(more) != 2 {
		t.Fatalf("%d attempts, without gradient: %v", len(more), without)
	}
	p.Attempts = append(p.Attempts, more...)
	return p
}

func TestWhiteBox(t *testing.T) {
	dir := t.TempDir()
	p := whiteBoxPlan(t, 12)
	r, _ := assembled(t, finish(t, p, dir, false))
	at := r.Attack("white-box@4/255")
	if at == nil || at.Knowledge != "system" || !slices.Equal(at.Systems, []string{"zero-shot", "second"}) || at.Cost.Backwards < 2*12*6 {
		t.Fatalf("%+v", at)
	}
	if r.Cell("near", at.ID) != nil {
		t.Error("a system without gradient has a white-box score")
	}
	for _, id := range at.Systems {
		c, transfer := r.Cell(id, at.ID), r.Cell(id, "pgd(steps=4,seed=5)@4/255")
		if c == nil || c.Score.N != 12 || c.Score.Value > transfer.Score.Value {
			t.Errorf("%s: white box leaves %+v, transfer %v", id, c, transfer.Score.Value)
		}
	}
	for i, im := range r.Images {
		under := im.Under(at.ID)
		if len(under) != 2 || im.Shown(at.ID, "second") != under[1] || im.Shown(at.ID, "near") != nil {
			t.Fatalf("%s: %d white-box outcomes", im.ID, len(under))
		}
		for k, o := range under {
			if o.System != at.Systems[k] || len(o.Answers) != 1 || o.Answers[0].System != o.System || !o.Inside {
				t.Errorf("%s: %+v", im.ID, o)
			}
			checkFile(t, dir, *o, texture(i).Pix, 4)
		}
	}
	// The worst case is over what every system is shown; the upper bound stands beside it, last.
	if w := r.Attack("worst@4/255"); w.Knowledge != "encoder" {
		t.Errorf("the worst case knows %s", w.Knowledge)
	}
	if all := r.At("4/255"); all[len(all)-1].ID != at.ID {
		t.Errorf("columns end with %s", all[len(all)-1].ID)
	}
	for _, g := range []string{"robust_score(attack=white-box, system=second) <= 1", "robust_score(attack=white-box) >= 0"} {
		gate, err := ParseGate(g)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := judgeGates(r, []Gate{gate}, nil); err != nil || out[0].Status != report.Passed {
			t.Errorf("%s: %+v, %v", g, out, err)
		}
	}
}

// TestWhiteBoxSameResult holds a white-box run to one report, interrupted, cut and sharded.
func TestWhiteBoxSameResult(t *testing.T) {
	p := whiteBoxPlan(t, 5)
	_, want := assembled(t, finish(t, p, t.TempDir(), false))
	for _, after := range []int{2, 5} {
		dir := t.TempDir()
		interrupt(t, p, dir, after)
		if _, got := assembled(t, finish(t, p, dir, true)); !bytes.Equal(got, want) {
			t.Errorf("interrupted after %d steps and resumed: another report", after)
		}
	}
	var parts []*Journal
	for i := 1; i <= 2; i++ {
		q := *p
		q.Shard, q.Shards, q.Workers = i, 2, i
		dir := t.TempDir()
		finish(t, &q, dir, false)
		j, err := ReadJournal(filepath.Join(dir, JournalName))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, j)
	}
	if _, got := assembled(t, parts...); !bytes.Equal(got, want) {
		t.Error("two shards joined give another report")
	}
}

func TestWhiteBoxValidate(t *testing.T) {
	for system, want := range map[string]string{"near": "no gradient", "nobody": "no such system"} {
		p := whiteBoxPlan(t, 3)
		p.Attempts[len(p.Attempts)-1].System = system
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", system, err)
		}
	}
}

// misled is a group whose loss says the opposite of what counts, as a masked gradient does.
type misled struct{ *headGroup }

func (g misled) Target(system string) *Target {
	t := g.headGroup.Target(system)
	if t == nil {
		return nil
	}
	honest := t.Task
	t.Task = func(ctx context.Context, s *dataset.Sample) (attack.Task, error) {
		other := *s
		other.Label = (s.Label + 1) % 3
		return honest(ctx, &other)
	}
	return t
}

// TestWhiteBoxKeepsTransfer: where a loss misleads the attack, the images of other attacks that do more harm stand in
// its place and the report says so; with the true loss it does not.
func TestWhiteBoxKeepsTransfer(t *testing.T) {
	p := whiteBoxPlan(t, 9)
	honest, _ := assembled(t, finish(t, p, t.TempDir(), false))
	p.Groups[0] = misled{p.Groups[0].(*headGroup)}
	dir := t.TempDir()
	r, _ := assembled(t, finish(t, p, dir, false))
	id, transfer := "white-box@4/255", []string{"noise@4/255", "pgd(steps=4,seed=5)@4/255", "prm(steps=4,seed=5)@4/255"}
	taken := 0
	for i, im := range r.Images {
		o := im.Shown(id, "zero-shot")
		least := 1.0
		for _, other := range transfer {
			least = min(least, float64(im.Shown(other, "zero-shot").Answers[0].Value))
		}
		if v := float64(o.Answers[0].Value); v > least {
			t.Errorf("%s: the white box leaves %v, transfer %v", im.ID, v, least)
		}
		if o.From != "" {
			taken++
			if from := im.Shown(o.From, "zero-shot"); from == nil || from.SHA256 != o.SHA256 {
				t.Errorf("%s: the file is not that of %s", im.ID, o.From)
			}
		}
		checkFile(t, dir, *o, texture(i).Pix, 4)
	}
	flagged := func(r *report.Report) bool {
		return slices.ContainsFunc(r.Flags, func(f report.Flag) bool {
			return f.Code == "transfer-stronger" && f.Text.Code == "flag.transfer-kept" && slices.Equal(f.Systems, []string{"zero-shot"})
		})
	}
	if taken < 2 || !flagged(r) {
		t.Errorf("%d images were taken from transfer, flags %+v", taken, r.Flags)
	}
	if flagged(honest) {
		t.Error("the honest loss is flagged")
	}
}
