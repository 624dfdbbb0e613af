package attack_test

import (
	"context"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

func mustParse(t testing.TB, text string) attack.Attack {
	t.Helper()
	a, err := attack.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// withTask gives every image a label, a target and images to mix in, by its content.
func withTask(enc encoder.Encoder, t testing.TB) func(images []*tensor.Dense) []attack.Option {
	protos, err := attack.BuildPrototypes(context.Background(), enc, attacktest.Images(8, 6, 8, 8), 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	return func(images []*tensor.Dense) []attack.Option {
		task := attack.Task{Head: attacktest.NewHead(1, encoder.Embedding, 5, 4), Images: attacktest.Images(77, 1, 8, 8),
			Mix: attacktest.Images(78, 3, 6, 9), Prototypes: protos}
		for _, x := range images {
			task.Labels = append(task.Labels, []int{int(x.Float32s()[5]*4) & 3})
		}
		return []attack.Option{attack.WithTask(task)}
	}
}

// conforming lists what the conformance suite runs on under L∞; every registered attack must be here.
var conforming = []string{
	"noise", "noise(draws=3,dist=sign)", "prm(steps=8)", "prm(steps=5,restarts=2,layers=stem+block.-1,tokens=patch,seed=3)",
	"prm-official(steps=6)", "pgd(steps=5)", "embedding(steps=5,distance=l2)", "embedding(steps=5,target=image)",
	"gradient(steps=4,step=ni,transform=rescale,copies=2,select=best)", "gradient(steps=4,transform=rescale,reference=fixed,select=last,schedule=cosine)",
	"fgsm", "mi(steps=4)", "ni(steps=4)", "vmi(steps=2,step=vmi(n=3))", "di(steps=4)", "ti(steps=4)", "si(steps=3)", "admix(steps=2)", "ssa(steps=2,copies=3)", "bsr(steps=2,copies=3)",
	"pgd(steps=5,objective=ce)", "pgd(steps=4,step=velocity)", "pgd(steps=5,objective=dlr-t(rank=2),step=adamw)", "gradient(steps=3,transform=chain(di,bsr,rescale),reference=own,resolution=native)",
	"veattack(steps=5)", "pa-attack(first=3,steps=4)", "dr(steps=4)", "nrdm(steps=4)", "v-attack(steps=4)", "m-attack(steps=4)", "foa(steps=4,clusters=2)",
	"apgd(steps=12)", "apgd-ce(steps=8,stop=never,restarts=2)", "apgd-dlr(steps=8)", "apgd-t(steps=6,targets=2)", "fab-t(steps=5,targets=2)", "fab(steps=5,restarts=2,stop=never)", "square(queries=30)",
	"restarts(n=2,attack=pgd(steps=3))", "cascade(pgd(steps=3),square(queries=9))", "worst-of(prm(steps=3),embedding(steps=3),by=prm)", "autoattack",
	"simba(queries=20)", "simba(queries=20,basis=dct,objective=prm,stop=never)", "nes(steps=3,samples=6)", "rays(queries=40)", "hopskipjump(steps=2,first=10)", "deepfool(steps=5)",
	"uap(steps=4,batch=2)", "plumb(steps=5)", "uap-ensemble(steps=3,objective=prm)",
}

// conformingL2 lists attacks for L2.
var conformingL2 = []string{"cw-l2(steps=6,search=2)", "deepfool(steps=5)", "apgd-ce(steps=8)", "fab-t(steps=5)", "fab(steps=4)", "square(queries=20)", "hopskipjump(steps=2,first=10)"}

// TestConform runs the conformance suite on every attack.
func TestConform(t *testing.T) {
	gentle := map[string]bool{"noise": true, "square": true, "simba": true, "nes": true, "rays": true, "hopskipjump": true, "deepfool": true}
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	seen := map[string]bool{}
	for _, text := range conforming {
		a := mustParse(t, text)
		name, _, _ := strings.Cut(text, "(")
		seen[name] = true
		t.Run(text, func(t *testing.T) {
			attacktest.Conform(t, a, attacktest.Case{Encoder: vit, Gentle: gentle[name], Together: strings.HasPrefix(name, "uap"), Options: withTask(vit, t)})
		})
	}
	for _, text := range []string{"corrupt", "corrupt(name=snow,severity=5,seed=2)"} {
		seen["corrupt"] = true
		t.Run(text, func(t *testing.T) {
			attacktest.Conform(t, mustParse(t, text), attacktest.Case{Encoder: vit, Gentle: true, Threat: attack.Linf(attack.NewRatio(1, 1))})
		})
	}
	for _, text := range append(conformingPatch, conformingL2...) {
		name, _, _ := strings.Cut(text, "(")
		seen[name] = true
	}
	for _, e := range attack.List() {
		if !seen[e.Name] {
			t.Errorf("%s is not in the conformance suite", e.Name)
		}
	}
}

// TestConformL2 runs it on attacks that are defined for L2 only.
func TestConformL2(t *testing.T) {
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	for _, text := range conformingL2 {
		t.Run(text, func(t *testing.T) {
			attacktest.Conform(t, mustParse(t, text), attacktest.Case{Encoder: vit, Gentle: true, Options: withTask(vit, t), Threat: attack.L2(attack.NewRatio(1, 2))})
		})
	}
}

// conformingPatch lists attacks for patches.
var conformingPatch = []string{"patch(steps=6,move=2,tries=3)", "patch-fool(steps=5)", "patch(steps=3,objective=prm,stop=never)"}

func TestConformPatch(t *testing.T) {
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	at := attack.Patch(attack.NewRatio(1, 4))
	at.At = &attack.Corner{Y: 2, X: 3}
	for _, tm := range []attack.ThreatModel{attack.Patch(attack.NewRatio(1, 4)), at} {
		for _, text := range conformingPatch {
			t.Run(tm.String()+"/"+text, func(t *testing.T) {
				attacktest.Conform(t, mustParse(t, text), attacktest.Case{Encoder: vit, Gentle: true, Options: withTask(vit, t), Threat: tm})
			})
		}
	}
}

// TestConformNorms runs it under the other threat models.
func TestConformNorms(t *testing.T) {
	vit := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	for _, tm := range []attack.ThreatModel{attack.L2(attack.NewRatio(1, 2)), attack.L1(attack.NewRatio(3, 1)), attack.L0(attack.NewRatio(5, 1)), attack.Patch(attack.NewRatio(1, 9))} {
		for _, text := range []string{"noise", "pgd(steps=5)", "prm(steps=5)", "mi(steps=3)"} {
			a := mustParse(t, text)
			t.Run(tm.String()+"/"+text, func(t *testing.T) {
				attacktest.Conform(t, a, attacktest.Case{Encoder: vit, Gentle: true, Options: withTask(vit, t), Threat: tm})
			})
		}
	}
}

// TestListed checks that every registered attack parses by its bare name and prints what rebuilds it.
func TestListed(t *testing.T) {
	for _, e := range attack.List() {
		a := mustParse(t, e.Name)
		if b := mustParse(t, a.String()); a.String() != b.String() {
			t.Errorf("%s prints %s, which prints %s", e.Name, a, b)
		}
		if e.Doc == "" {
			t.Errorf("%s has no description", e.Name)
		}
	}
}
