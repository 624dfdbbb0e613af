package report

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schemas below are not ours to keep. CI fetches them and names them in the environment: see .ci/run.
const (
	sarifSchemaVar = "PLUMBLINE_SARIF_SCHEMA" // the OASIS schema of SARIF 2.1.0
	junitSchemaVar = "PLUMBLINE_JUNIT_XSD"    // jenkins-junit.xsd, which the JUnit project tests its own output with
	axeVar         = "PLUMBLINE_AXE"          // axe.min.js
)

// TestSARIFOfficialSchema validates against the standard's schema, and shows that a broken log fails.
func TestSARIFOfficialSchema(t *testing.T) {
	schema := compiled(t, fromEnvironment(t, sarifSchemaVar))
	r, _ := sample()
	var buf bytes.Buffer
	if err := r.WriteSARIF(&buf); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(decoded(t, buf.Bytes())); err != nil {
		t.Error(err)
	}
	if broken := bytes.Replace(buf.Bytes(), []byte(`"results"`), []byte(`"resultz"`), 1); schema.Validate(decoded(t, broken)) == nil {
		t.Error("a log with an unknown field is valid")
	}
}

// TestJSONSchemaHolds validates a report against the schema in docs, and shows that a broken report fails.
func TestJSONSchemaHolds(t *testing.T) {
	schema := compiled(t, filepath.Join("..", "..", "docs", "report.schema.json"))
	r, _ := sample()
	var buf bytes.Buffer
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(decoded(t, buf.Bytes())); err != nil {
		t.Error(err)
	}
	if broken := bytes.Replace(buf.Bytes(), []byte(`"seed": 1`), []byte(`"seed": "1"`), 1); schema.Validate(decoded(t, broken)) == nil {
		t.Error("a seed that is text is valid")
	}
}

// TestJUnitOfficialSchema validates with xmllint, and shows that a broken file fails.
func TestJUnitOfficialSchema(t *testing.T) {
	xsd := fromEnvironment(t, junitSchemaVar)
	r, _ := sample()
	r.Gates[0].Reason = T("gate.compared", "<b>\x00 & \"", "≥", "80 %")
	var buf bytes.Buffer
	if err := r.WriteJUnit(&buf); err != nil {
		t.Fatal(err)
	}
	validate := func(text string) error {
		cmd := exec.Command("xmllint", "--noout", "--nonet", "--schema", xsd, "-")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%.400s", out)
		}
		return err
	}
	if err := validate(buf.String()); err != nil {
		t.Error(err)
	}
	if validate(strings.Replace(buf.String(), "<testcase ", "<testcase colour=\"red\" ", 1)) == nil {
		t.Error("a file with an unknown attribute is valid")
	}
}

var (
	policyTag = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)
	axeResult = regexp.MustCompile(`data-axe="([^"]*)"`)
	unescaped = strings.NewReplacer("&quot;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&", "&nbsp;", " ")
)

func fromEnvironment(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Skip(name + " is not set")
	}
	return path
}

func compiled(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", decoded(t, raw)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAxe runs axe-core over the page in both languages and colour schemes and wants nothing serious.
func TestAxe(t *testing.T) {
	source, err := os.ReadFile(fromEnvironment(t, axeVar))
	if err != nil {
		t.Fatal(err)
	}
	browser := findBrowser(t)
	for _, c := range []struct {
		name  string
		lang  Lang
		flags []string
	}{
		{"light", English, nil}, {"dark", English, []string{"--blink-settings=preferredColorScheme=0"}},
		{"phone", Japanese, []string{"--window-size=390,800"}},
	} {
		for _, v := range violations(t, browser, string(source), render(t, HTMLOptions{Lang: c.lang}), c.flags) {
			if v.Impact == "serious" || v.Impact == "critical" {
				t.Errorf("%s: %s (%s): %s", c.name, v.ID, v.Impact, v.Nodes[0].HTML)
			}
		}
	}
	plain := `<!doctype html><html><body><img src="data:,"><button></button></body></html>`
	if len(violations(t, browser, string(source), plain, nil)) == 0 {
		t.Error("axe finds nothing on a page without names and language")
	}
}

// violation is what axe reports.
type violation struct {
	ID, Impact string
	Nodes      []struct{ HTML string }
}

// violations puts axe into the page, whose policy would forbid it, and reads its result from the document.
func violations(t *testing.T, browser, axe, page string, flags []string) []violation {
	t.Helper()
	page = policyTag.ReplaceAllString(page, "")
	page = strings.ReplaceAll(page, "<details", "<details open")
	run := `axe.run(document, {resultTypes: ["violations"]}).then(function (r) { document.body.innerHTML = ""; document.body.setAttribute("data-axe", JSON.stringify(r.violations)); })`
	page = strings.Replace(page, "</body>", "<script>"+axe+"</script><script>"+run+"</script></body>", 1)
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	dom, _ := browse(t, browser, append(flags, "--virtual-time-budget=60000", "--dump-dom", "file://"+path)...)
	m := axeResult.FindStringSubmatch(dom)
	if m == nil {
		t.Fatalf("axe did not finish: %.300s", dom)
	}
	var out []violation
	if err := json.Unmarshal([]byte(unescaped.Replace(m[1])), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
