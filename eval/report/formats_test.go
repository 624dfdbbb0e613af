package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	r, _ := sample()
	r.Systems[0].Name = "Zero|shot <i>"
	for _, l := range Languages {
		var buf bytes.Buffer
		if err := r.WriteMarkdown(&buf, l, nil); err != nil {
			t.Fatal(err)
		}
		keep(t, "sample-"+string(l)+".md", buf.Bytes())
		out := buf.String()
		if strings.Contains(out, "<i>") || !strings.Contains(out, `Zero\|shot`) {
			t.Error("a name was not escaped")
		}
		rows := 0
		for _, line := range strings.Split(out, "\n") {
			if strings.HasPrefix(line, `| Zero\|shot`) {
				rows++
				if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 9 {
					t.Errorf("%d column marks in %s", n, line)
				}
			}
		}
		if rows != 2*3 {
			t.Errorf("%d rows of the first system, want its score and two further numbers per budget", rows)
		}
	}
}

func TestJUnit(t *testing.T) {
	r, _ := sample()
	r.Title = "a \x01 & <b>"
	var buf bytes.Buffer
	if err := r.WriteJUnit(&buf); err != nil {
		t.Fatal(err)
	}
	keep(t, "sample.junit.xml", buf.Bytes())
	var got junitSuites
	if err := xml.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Failures != 1 || got.Errors != 0 || got.Tests != 2+len(r.Cells) {
		t.Errorf("tests %d, failures %d, errors %d", got.Tests, got.Failures, got.Errors)
	}
	if f := got.Suites[0].Cases[0].Failure; f == nil || !strings.Contains(f.Message, "33 %") {
		t.Errorf("failure %+v", f)
	}
	if got.Suites[0].Cases[1].Failure != nil {
		t.Error("a passed gate is a failure")
	}
}

func TestSARIF(t *testing.T) {
	r, _ := sample()
	var buf bytes.Buffer
	if err := r.WriteSARIF(&buf); err != nil {
		t.Fatal(err)
	}
	keep(t, "sample.sarif", buf.Bytes())
	var got sarifLog
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	run := got.Runs[0]
	if len(run.Results) != 2 {
		t.Fatalf("%d results, want a finding and a failed gate", len(run.Results))
	}
	for _, res := range run.Results {
		if run.Tool.Driver.Rules[res.RuleIndex].ID != res.RuleID {
			t.Errorf("rule index %d is not %s", res.RuleIndex, res.RuleID)
		}
		for _, x := range res.Taxa {
			taxonomy := run.Taxonomies[x.Component.Index]
			if taxonomy.Name != x.Component.Name || !hasTaxon(taxonomy, x.ID) {
				t.Errorf("reference %+v leads nowhere", x)
			}
		}
	}
	if run.Results[0].Taxa[0].ID != "CWE-1039" {
		t.Errorf("first taxon %s", run.Results[0].Taxa[0].ID)
	}
}

func hasTaxon(t sarifTaxonomy, id string) bool {
	for _, x := range t.Taxa {
		if x.ID == id {
			return true
		}
	}
	return false
}

func TestTagsAreInTheCatalogue(t *testing.T) {
	for _, kind := range []string{"gradient", "black-box", "noise"} {
		for _, knowledge := range []string{"none", "encoder", "system"} {
			for _, key := range TagsFor(kind, knowledge) {
				if _, ok := FindTag(key); !ok {
					t.Errorf("%s/%s: no tag %s", kind, knowledge, key)
				}
			}
		}
	}
}

// keep saves what a test made in the folder that PLUMBLINE_KEEP names, for looking at it.
func keep(t *testing.T, name string, raw []byte) {
	t.Helper()
	if dir := os.Getenv("PLUMBLINE_KEEP"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
