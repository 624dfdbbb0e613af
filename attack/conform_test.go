package attack_test

import (
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

func mustParse(t testing.TB, text string) attack.Attack {
	t.Helper()
	a, err := attack.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestConform runs the conformance suite on every label-free attack.
func TestConform(t *testing.T) {
	gentle := map[string]bool{"noise": true}
	for _, text := range []string{
		"noise", "noise(draws=3,dist=sign)", "prm(steps=8)", "prm(steps=5,restarts=2,layers=stem+block.-1,tokens=patch,seed=3)",
		"prm-official(steps=6)", "pgd(steps=5)", "embedding(steps=5,distance=l2)",
		"gradient(steps=4,step=ni,transform=rescale,copies=2,select=best)", "gradient(steps=4,transform=rescale,reference=fixed,select=last,schedule=cosine)",
	} {
		a := mustParse(t, text)
		name, _, _ := strings.Cut(text, "(")
		t.Run(text, func(t *testing.T) { attacktest.Conform(t, a, attacktest.Case{Gentle: gentle[name]}) })
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
