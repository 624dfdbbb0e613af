package attack_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/corrupt"
)

var update = flag.Bool("update", false, "rewrite docs/attacks.md")

// TestDocs keeps docs/attacks.md equal to what the code says of itself.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "docs", "attacks.md")
	want := attackPage(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run go test ./attack -run TestDocs -update", path)
	}
}

func attackPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Attacks and their parts\n\n" +
		"Written by `go test ./attack -run TestDocs -update` from what the code says of itself.\n\n" +
		"An attack is named by an expression: its name, and the parameters that differ from their defaults, such as\n" +
		"`prm(steps=100,seed=7)`. Parts nest: `pgd(objective=sum(prm,embedding),transform=crop,copies=4)`. Attacks combine:\n" +
		"`worst-of(prm,restarts(n=3,attack=apgd))`. Every attack prints its full expression, and that expression reads back.\n\n" +
		"Beside the images, some need a head with labels, a target image, a target embedding, or prototypes; norms are those\n" +
		"that an attack is defined for.\n\n" +
		"## Attacks\n\n| name | what it does | needs | norms | all parameters, with defaults |\n|---|---|---|---|---|\n")
	for _, e := range attack.List() {
		a := mustParse(t, e.Name)
		n := attack.NeedsOf(a)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` |\n", e.Name, e.Doc, needs(n), norms(n), a)
	}
	parts := attack.Parts()
	kinds := make([]string, 0, len(parts))
	for k := range parts {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n## Parts: %s\n\n| name | what it does |\n|---|---|\n", k)
		for _, e := range parts[k] {
			fmt.Fprintf(&b, "| `%s` | %s |\n", e.Name, e.Doc)
		}
	}
	b.WriteString("\n## Corruptions\n\n| name | set | what it does |\n|---|---|---|\n")
	for _, c := range corrupt.List() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Group, c.Doc)
	}
	return b.String()
}

func needs(n attack.Needs) string {
	var out []string
	for _, p := range []struct {
		is   bool
		what string
	}{{n.Head, "head"}, {n.Image, "target image"}, {n.Embedding, "target embedding"}, {n.Prototypes, "prototypes"}} {
		if p.is {
			out = append(out, p.what)
		}
	}
	return strings.Join(out, ", ")
}

func norms(n attack.Needs) string {
	if len(n.Norms) == 5 {
		return "all"
	}
	var out []string
	for _, k := range n.Norms {
		out = append(out, string(k))
	}
	return strings.Join(out, ", ")
}
