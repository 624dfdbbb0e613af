package eval

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

func finish(t *testing.T, p *Plan, dir string, resume bool) *Journal {
	t.Helper()
	j, err := Run(context.Background(), p, dir, resume)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func assembled(t *testing.T, journals ...*Journal) (*report.Report, []byte) {
	t.Helper()
	r, _, err := Assemble(nil, nil, journals...)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return r, buf.Bytes()
}

// TestRun checks what a whole run says against the files it left.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	p := plan(t, 18)
	r, _ := assembled(t, finish(t, p, dir, false))
	clean := r.Cell("zero-shot", report.Clean)
	if clean.Score.Value < 0.8 {
		t.Fatalf("clean accuracy %v: the fixture is no classifier", clean.Score.Value)
	}
	if at := r.Cell("zero-shot", "pgd(steps=4,seed=5)@16/255"); !(at.Score.Value < clean.Score.Value) || at.Success == nil {
		t.Errorf("pgd leaves %v of %v", at.Score.Value, clean.Score.Value)
	}
	if len(r.Images) != 18 || len(r.Images[0].Outcomes) != 7 {
		t.Fatalf("%d images, %d outcomes", len(r.Images), len(r.Images[0].Outcomes))
	}
	for i, im := range r.Images {
		original := texture(i)
		for _, o := range im.Outcomes {
			if o.Status != "ok" || !o.Inside || len(o.Layers) != 3 || len(o.Answers) != 1 {
				t.Errorf("%s under %s: %+v", im.ID, o.Attack, o)
			}
			checkFile(t, dir, o, original.Pix, map[string]int{"4/255": 4, "16/255": 16, "": 0}[r.Attack(o.Attack).Eps])
		}
	}
	worst := r.Cell("zero-shot", "worst@16/255")
	for _, at := range r.At("16/255") {
		if c := r.Cell("zero-shot", at.ID); c.Score.Value < worst.Score.Value {
			t.Errorf("%s scores %v, below the worst case %v", at.ID, c.Score.Value, worst.Score.Value)
		}
	}
}

// checkFile compares a picture with the original pixel by pixel.
func checkFile(t *testing.T, dir string, o report.Outcome, original []uint8, levels int) {
	t.Helper()
	m, err := dataset.ReadImage(filepath.Join(dir, filepath.FromSlash(o.File)))
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for i := range original {
		d := int(m.Pix[i]) - int(original[i])
		most = max(most, d, -d)
	}
	if most > levels || report.Number(most) != o.Linf {
		t.Errorf("%s: the file differs by %d levels, allowed %d, reported %v", o.File, most, levels, o.Linf)
	}
}

// TestSameResult holds interruptions, shards and workers to one report, byte for byte.
func TestSameResult(t *testing.T) {
	p := plan(t, 11)
	_, want := assembled(t, finish(t, p, t.TempDir(), false))

	t.Run("workers", func(t *testing.T) {
		q := *p
		q.Workers = 1
		if _, got := assembled(t, finish(t, &q, t.TempDir(), false)); !bytes.Equal(got, want) {
			t.Error("one worker and two give different reports")
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		for _, after := range []int{1, 4, 9} {
			dir := t.TempDir()
			interrupt(t, p, dir, after)
			if _, got := assembled(t, finish(t, p, dir, true)); !bytes.Equal(got, want) {
				t.Errorf("interrupted after %d steps and resumed: another report", after)
			}
		}
	})
	t.Run("killed", func(t *testing.T) {
		dir := t.TempDir()
		finish(t, p, dir, false)
		path := filepath.Join(dir, JournalName)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, share := range []float64{0.01, 0.3, 0.62, 0.999} {
			if err := os.WriteFile(path, raw[:int(share*float64(len(raw)))], 0o644); err != nil {
				t.Fatal(err)
			}
			if _, got := assembled(t, finish(t, p, dir, true)); !bytes.Equal(got, want) {
				t.Errorf("cut at %g of the journal and resumed: another report", share)
			}
		}
	})
	t.Run("shards", func(t *testing.T) {
		var parts []*Journal
		for i := 1; i <= 3; i++ {
			q := *p
			q.Shard, q.Shards = i, 3
			parts = append(parts, finish(t, &q, t.TempDir(), false))
		}
		if _, got := assembled(t, parts[2], parts[0], parts[1]); !bytes.Equal(got, want) {
			t.Error("three shards joined give another report")
		}
		if _, _, err := Assemble(nil, nil, parts[0], parts[2]); err == nil {
			t.Error("a missing shard was not noticed")
		}
		if r, _ := assembled(t, parts[1]); len(r.Images) != 4 {
			t.Errorf("the second of three shards has %d images of 11", len(r.Images))
		}
	})
}

// TestUniversal: one perturbation is sought on all images at once, whatever the workers and wherever a run was cut,
// and not in shards.
func TestUniversal(t *testing.T) {
	p := plan(t, 19)
	uap, err := attack.Parse("uap(steps=3,batch=4)")
	if err != nil {
		t.Fatal(err)
	}
	p.Attempts = []Attempt{p.Attempts[0], {Name: "uap", Attack: uap, Threat: p.Attempts[0].Threat, Kind: "gradient", Knowledge: "encoder"}}
	dir := t.TempDir()
	_, want := assembled(t, finish(t, p, dir, false))
	q := *p
	q.Workers = 1
	if _, got := assembled(t, finish(t, &q, t.TempDir(), false)); !bytes.Equal(got, want) {
		t.Error("one worker and two give different reports")
	}
	raw, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []float64{0.3, 0.8, 0.99} {
		if err := os.WriteFile(filepath.Join(dir, JournalName), raw[:int(share*float64(len(raw)))], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, got := assembled(t, finish(t, p, dir, true)); !bytes.Equal(got, want) {
			t.Errorf("cut at %g of the journal and resumed: another report", share)
		}
	}
	q.Shard, q.Shards = 1, 2
	if err := q.Validate(); err == nil || !strings.Contains(err.Error(), "shards") {
		t.Errorf("in shards: %v", err)
	}
}

func interrupt(t *testing.T, p *Plan, dir string, after int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := *p
	q.Progress = func(Progress) {
		if after--; after == 0 {
			cancel()
		}
	}
	if _, err := Run(ctx, &q, dir, false); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestNewRunTakesThePlaceOfAnOlder(t *testing.T) {
	dir := t.TempDir()
	p := plan(t, 3)
	finish(t, p, dir, false)
	p.Data = p.Data.PerClass(1).Select(func(i int, _ *dataset.Sample) bool { return i < 2 })
	if r, _ := assembled(t, finish(t, p, dir, false)); len(r.Images) != 2 {
		t.Errorf("%d images", len(r.Images))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "images", "00-clean", "columns", "*")); err != nil || len(left) > 0 {
		t.Errorf("pictures of the older run were left: %v, %v", left, err)
	}
	foreign := filepath.Join(t.TempDir(), JournalName)
	if err := os.WriteFile(foreign, []byte("a diary\nof somebody\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), p, filepath.Dir(foreign), false); err == nil {
		t.Error("a file that is no journal was replaced")
	}
}

func TestResumeRefusesAnotherClaim(t *testing.T) {
	dir := t.TempDir()
	p := plan(t, 6)
	finish(t, p, dir, false)
	for name, change := range map[string]func(*Plan){
		"seed":          func(p *Plan) { p.Seed++ },
		"configuration": func(p *Plan) { p.Config += "x: 1\n" },
		"encoder":       func(p *Plan) { p.Artifact.SHA256 = "11" },
		"attacks":       func(p *Plan) { p.Attempts = p.Attempts[1:] },
	} {
		q := *p
		change(&q)
		if _, err := Run(context.Background(), &q, dir, true); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestUnreadableImageIsSkipped(t *testing.T) {
	p := plan(t, 6)
	broken := &dataset.Sample{ID: "rows/broken.png", Label: 1}
	p.Data.Samples = append(p.Data.Samples[:2:2], append([]*dataset.Sample{broken}, p.Data.Samples[2:]...)...)
	r, _ := assembled(t, finish(t, p, t.TempDir(), false))
	if len(r.Images) != 6 || len(r.Claim.Data.Skipped) != 1 || r.Claim.Data.Skipped[0].File != broken.ID {
		t.Errorf("%d images, skipped %v", len(r.Images), r.Claim.Data.Skipped)
	}
	found := false
	for _, f := range r.Flags {
		found = found || f.Code == "skipped"
	}
	if !found {
		t.Error("no flag for the skipped file")
	}
}

func TestPlanValidate(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"no encoder":    func(p *Plan) { p.Encoder = nil },
		"no images":     func(p *Plan) { p.Data = &dataset.Dataset{} },
		"no system":     func(p *Plan) { p.Groups = nil },
		"shard 0/2":     func(p *Plan) { p.Shards = 2 },
		"shard 3/2":     func(p *Plan) { p.Shard, p.Shards = 3, 2 },
		"double attack": func(p *Plan) { p.Attempts = append(p.Attempts, p.Attempts[0]) },
		"double system": func(p *Plan) { p.Groups = append(p.Groups, p.Groups[0]) },
		"escaping path": func(p *Plan) { p.Data.Samples[0].ID = "../x.png" },
		"same file": func(p *Plan) {
			p.Data.Samples[0].ID, p.Data.Samples[1].ID = "a.jpg", "a.jpg.png"
		},
	} {
		p := plan(t, 3)
		change(p)
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
