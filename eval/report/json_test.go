package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestJSONRoundTrip(t *testing.T) {
	r, _ := sample()
	var first, second bytes.Buffer
	if err := r.Write(&first); err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, got, cmp.Comparer(sameNumber), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if err := got.Write(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("writing what was read gives other bytes")
	}
}

func sameNumber(a, b Number) bool { return a == b || a != a && b != b }

func TestReadRefuses(t *testing.T) {
	r, _ := sample()
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	good := buf.String()
	for name, raw := range map[string]string{
		"empty":          "",
		"other schema":   strings.Replace(good, Schema, "plumbline.report/9", 1),
		"unknown field":  strings.Replace(good, `"seed"`, `"sed"`, 1),
		"unknown system": strings.Replace(good, `"system": "probe"`, `"system": "prob"`, 1),
		"unknown attack": strings.Replace(good, `"attack": "prm@8/255"`, `"attack": "prm@9/255"`, 1),
		"double system":  strings.Replace(good, `"id": "probe"`, `"id": "zero-shot"`, 1),
		"short grid":     strings.Replace(good, `"rows": 4`, `"rows": 5`, 1),
		"truncated":      good[:len(good)/2],
	} {
		if raw == good {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := Read(strings.NewReader(raw)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, v := range []float64{0, 1.5, -1e-300, math.Inf(1), math.Inf(-1), math.NaN(), math.Pi} {
		raw, err := json.Marshal(Number(v))
		if err != nil {
			t.Fatal(err)
		}
		var back Number
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if float64(back) != v && !(math.IsNaN(v) && math.IsNaN(float64(back))) {
			t.Errorf("%v became %v through %s", v, back, raw)
		}
	}
	var x Number
	if json.Unmarshal([]byte(`"1.5"`), &x) == nil || json.Unmarshal([]byte(`[]`), &x) == nil {
		t.Error("accepted what is no number")
	}
}

func TestSchemaFile(t *testing.T) {
	const path = "../../docs/report.schema.json"
	want, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./eval/report -run TestSchemaFile -update", path)
	}
}

// TestCatalogue holds every sentence to the same arguments in every language.
func TestCatalogue(t *testing.T) {
	for code, e := range catalogue {
		for _, l := range Languages {
			if e[l] == "" {
				t.Errorf("%s has no %s text", code, l)
			}
			for i := range 9 {
				mark := "{" + string(rune('0'+i)) + "}"
				if strings.Contains(e[English], mark) != strings.Contains(e[l], mark) {
					t.Errorf("%s: %s is in one of English and %s only", code, mark, l)
				}
			}
		}
	}
}
