package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing/fstest"
)

// sample is a report made up for the tests, with everything a page can show; the pictures it refers to
// are in the file system beside it.
func sample() (*Report, fstest.MapFS) {
	r := &Report{
		Schema: Schema, Title: "Plumbline check: inspect-tiny on twelve tiles",
		Claim: Claim{Tool: "plumbline devel", Arithmetic: "amd64 avx2", Encoder: Artifact{"inspect-tiny.onnx", "ee94"},
			Data: Data{Name: "tiles", Images: 6, SHA256: "aa", Skipped: []Skipped{{"broken.png", "png: invalid format"}}}, Seed: 1,
			Config: "attacks: [prm]\n", ConfigHash: "bb", Judged: "png"},
		Verdict: Verdict{Failed, T("verdict.failed", 1, 2), []Text{
			T("point.system", "Zero-shot", "92 %", "33 %", "10–65", "prm", "8/255", 6),
			T("point.noise", "Zero-shot", "92 %"), T("point.knowledge"), T("point.flags", 1)}},
		Systems: []System{
			{ID: "zero-shot", Name: "Zero-shot classifier", Task: "classification", Relation: "same-weights", Metric: Metric{"accuracy", true, true}, Chance: 1. / 6},
			{ID: "probe", Name: "Linear probe", Task: "classification", Relation: "fine-tuned", Metric: Metric{"accuracy", true, true}, Chance: 1. / 6},
			{ID: "caption", Name: "Caption retrieval", Task: "captioning", Relation: "same-weights", Metric: Metric{"CIDEr", false, true}, Chance: Number(math.NaN())},
		},
		Attacks: []Attack{{ID: Clean, Name: Clean, Kind: "clean", Knowledge: "none"}},
		Gates: []Gate{
			{"robust_accuracy(system=zero-shot, attack=worst, eps=8/255) >= 0.80", Failed, .33, .8, T("gate.compared", "33 %", "≥", "80 %")},
			{"accuracy(system=zero-shot) >= 0.80", Passed, .92, .8, T("gate.compared", "92 %", "≥", "80 %")}},
		Flags:     []Flag{{Code: "few-images", Text: T("flag.few-images", 6, "60 %")}},
		NotTested: []Text{T("gap.physical"), T("gap.other-images", 6)},
		Comparisons: []Comparison{{System: "zero-shot", A: "pgd@8/255", B: "prm@8/255", PValue: .25,
			Difference: Score{Value: .16, Low: -.1, High: .4, Level: .95, Method: "bca", N: 6}}},
	}
	for _, eps := range []int{4, 8} {
		for _, a := range []struct{ name, kind string }{{"noise", "noise"}, {"pgd", "gradient"}, {"prm", "gradient"}, {"worst", "worst"}, {"white-box", "gradient"}} {
			r.Attacks = append(r.Attacks, Attack{ID: fmt.Sprintf("%s@%d/255", a.name, eps), Name: a.name, Kind: a.kind, Knowledge: "encoder",
				Eps: fmt.Sprintf("%d/255", eps), EpsValue: Number(float64(eps) / 255), Cost: Cost{600, 590, 0}})
			if at := &r.Attacks[len(r.Attacks)-1]; a.name == "white-box" {
				at.Knowledge, at.Systems = "system", []string{"zero-shot", "probe"}
			}
		}
	}
	fillCells(r)
	r.Findings = []Finding{{ID: "encoder/zero-shot", UseCase: "classification", System: "zero-shot", Attack: "prm@8/255", Severity: "error",
		Title: T("finding.encoder.title", "Zero-shot classifier"), Needs: T("needs.encoder", "Zero-shot classifier", "8/255"),
		Effect: T("effect.classification", "Zero-shot classifier", "92 %", "33 %", "10–65", "prm"),
		Reduce: []Text{T("reduce.path"), T("reduce.hardening")}, Met: T("met.none"), Tags: TagsFor("gradient", "encoder")}}
	score := func(v float64) Score {
		return Score{Value: Number(v), Low: Number(max(0, v-.2)), High: Number(min(1, v+.2)), Level: .95, Method: "wilson", N: 6}
	}
	buys := score(0)
	r.Defences = []Defence{
		{Name: Undefended, System: "zero-shot", Eps: "8/255", Surrogate: "exact", Draws: 1, Clean: score(.92), Worst: score(0), Verdict: T("defence.undefended", "0 %"),
			Roles: []ByRole{{RolePlain, score(.33)}, {RoleAdaptive, score(.17)}, {RoleDecision, score(0)}}},
		{Name: "jpeg(75)", System: "zero-shot", Eps: "8/255", Surrogate: "stand-in", Draws: 1, Clean: score(.83), Worst: score(0), Buys: &buys,
			Verdict: T("defence.falls", "67 %", "0 %"), Roles: []ByRole{{RolePlain, score(.67)}, {RoleAdaptive, score(0)}, {RoleDecision, score(.17)}},
			Flags: []Flag{{Code: "own-gradient-weaker", System: "zero-shot", Text: T("flag.own-gradient-weaker", "jpeg(75)", "prm")}}},
	}
	return r, addImages(r)
}

func fillCells(r *Report) {
	for si, s := range r.Systems {
		for ai, a := range r.Attacks {
			if len(a.Systems) > 0 && s.ID == "caption" {
				continue
			}
			v := .92 - .08*float64(ai)*float64(si+1)/2
			c := Cell{System: s.ID, Attack: a.ID, Score: Score{Value: Number(v), Low: Number(v - .1), High: Number(min(1, v+.08)), Level: .95, Method: "wilson", N: 6}}
			if a.ID != Clean {
				p := Number(.01)
				c.Lost = &Score{Value: Number(1 - v/.92), Low: 0, High: 1, Level: .95, Method: "bca", N: 6}
				c.Drop, c.PValue = &Score{Value: Number(.92 - v), Low: 0, High: .9, Level: .95, Method: "bca", N: 6}, &p
			}
			c.More = []Reading{{Metric{"balanced accuracy", true, true}, c.Score}}
			r.Cells = append(r.Cells, c)
		}
	}
}

func addImages(r *Report) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range 6 {
		im := Image{ID: fmt.Sprintf("MT_Crack/tile_%d.jpg", i), SHA256: "cc", Width: 60, Height: 90, Label: "crack"}
		for ai, a := range r.Attacks {
			if a.Kind == Worst {
				continue
			}
			o := Outcome{Attack: a.ID, Status: "ok", Inside: true, File: fmt.Sprintf("images/%d/%d.png", ai, i), SHA256: "dd",
				Linf: Number(8 * min(ai, 1)), L2: Number(ai), PSNR: Number(math.Inf(1)), SSIM: 1, Changed: Number(min(ai, 1))}
			if ai > 0 {
				o.PSNR, o.SSIM = 32.5, .9
			}
			o.Tokens = &Grid{Rows: 4, Cols: 4}
			for k := range 16 {
				o.Tokens.Values = append(o.Tokens.Values, Number(1-float64(ai*k)/128))
			}
			for l := range 7 {
				o.Layers = append(o.Layers, Number(1-float64(ai*l)/70-float64(i)/100))
			}
			if len(a.Systems) > 0 {
				for _, system := range a.Systems {
					alone := o
					alone.System, alone.Tokens = system, nil
					alone.Answers = []Answer{{System: system, Text: "hole", Truth: "crack", Reason: "wrong"}}
					im.Outcomes = append(im.Outcomes, alone)
				}
				files[o.File] = &fstest.MapFile{Data: picture(60, 90, i, ai)}
				continue
			}
			for _, s := range r.Systems {
				o.Answers = append(o.Answers, Answer{System: s.ID, Text: "crack <b>", Truth: "crack", Value: Number((i + ai) % 2), Reason: "right"})
			}
			im.Outcomes = append(im.Outcomes, o)
			files[o.File] = &fstest.MapFile{Data: picture(60, 90, i, ai)}
		}
		r.Images = append(r.Images, im)
	}
	return files
}

func picture(w, h, seed, noise int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := 110 + 50*math.Sin(float64(x+3*seed)/7)*math.Cos(float64(y)/11)
			d := noise * (((x*7+y*13)^seed)%5 - 2)
			img.SetNRGBA(x, y, color.NRGBA{uint8(v + float64(d)), uint8(v), uint8(v - float64(d)), 255})
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
