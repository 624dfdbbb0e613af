package defense_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/defense/guard"
)

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")

// The tables of docs/defenses.md name every defence, guard and detector, and say of each defence what it says of itself.
func TestDocumentedDefenses(t *testing.T) {
	text, err := os.ReadFile("../docs/defenses.md")
	if err != nil {
		t.Fatal(err)
	}
	_, purifiers, _ := strings.Cut(string(text), "## Purifiers")
	purifiers, guards, _ := strings.Cut(purifiers, "## Output guards")
	guards, detectors, _ := strings.Cut(guards, "## Detectors")
	want := map[string]bool{}
	for _, e := range defense.List() {
		want[e.Name] = e.Name != "bpda"
	}
	r := withTexts()
	r.Clean = resources().Clean
	for _, m := range row.FindAllStringSubmatch(purifiers, -1) {
		d, err := defense.Parse(m[1], r)
		if err != nil {
			t.Error(err)
			continue
		}
		delete(want, d.Name())
		random := map[bool]string{true: "yes", false: "no"}[d.Random()]
		if d.String() != m[1] || !strings.HasPrefix(m[2], random+" | "+string(d.Surrogate())+" | ") {
			t.Errorf("%s says of itself: %s, random %s, %s; the table: %s", m[1], d, random, d.Surrogate(), m[2])
		}
	}
	for name, missing := range want {
		if missing {
			t.Errorf("the table of defences lacks %s", name)
		}
	}
	for _, e := range guard.List() {
		if !strings.Contains(guards, "| `"+e.Name) {
			t.Errorf("the table of guards lacks %s", e.Name)
		}
	}
	for _, e := range detect.List() {
		if !strings.Contains(detectors, "| `"+e.Name) {
			t.Errorf("the table of detectors lacks %s", e.Name)
		}
	}
	for _, m := range row.FindAllStringSubmatch(guards[:strings.Index(guards, "Guards change")], -1) {
		if g, err := guard.Parse(m[1]); err != nil || g.String() != m[1] {
			t.Errorf("%s: %v, %v", m[1], g, err)
		}
	}
}
