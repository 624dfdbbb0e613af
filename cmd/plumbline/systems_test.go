package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// answerAsSystem is what the test binary does when a test names it as a system: it calls every picture a blowhole.
func answerAsSystem() int {
	raw, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	if _, err := dataset.DecodeImage(raw); err != nil {
		return 1
	}
	fmt.Println(`{"scores": {"Lunker": 0.9, "crack": 0.1}}`)
	return 0
}

// TestSystems judges whole systems beside the heads: the encoder's own file with the prompts' embeddings, which must
// answer as the zero-shot head does, a command, and an endpoint that fails for some pictures.
func TestSystems(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	succeed(t, "models", "pull", "inspect-tiny", "--out", dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PLUMBLINE_TEST_AS_SYSTEM", "1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p, err := dataset.DecodeImage(raw)
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(w, `{"anomaly": %d}`, p.Pix[0])
		if p.Rect.Dx() < 120 {
			fmt.Fprint(w, "trailing") // no JSON any more
		}
	}))
	defer server.Close()
	config := filepath.Join(dir, "plumbline.yaml")
	text := fmt.Sprintf(`
data: {path: judged}
attacks: [noise, prm, white-box(apgd(steps=4))]
eps: [8/255]
steps: 3
seed: 1
systems:
  - name: whole
    onnx: inspect-tiny.onnx
    relation: same-weights
    preprocess: {resize: [72, 72], crop: [64, 64], mean: [0.48145467042922974, 0.45782750844955444, 0.40821072459220886], std: [0.2686295509338379, 0.2613025903701782, 0.27577710151672363]}
    text: text-embeddings.npy
    classes: [crazing, inclusion, patches, pitted, scale, scratches, free, blowhole, break, crack, fray, uneven surface]
    map: {free: MT_Free, blowhole: MT_Blowhole, crack: MT_Crack}
  - name: neighbours
    onnx: inspect-tiny.onnx
    gallery: {path: gallery}
  - name: line3
    title: Line 3
    command: [%q]
    map: {Lunker: MT_Blowhole, crack: MT_Crack}
    limits: {retries: 0, parallel: 2}
  - name: gate
    url: %s/inspect
    task: anomaly
`, self, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	someTiles(t, filepath.Join(dir, "judged"))
	someTiles(t, filepath.Join(dir, "gallery"))
	code, _, log := command(t, "check", "--config", config, "--out", out)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, log)
	}
	r, err := report.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	bound := r.Attack("white-box@8/255")
	for _, id := range []string{"whole", "neighbours"} { // which have a gradient, as the black boxes have not
		if c := r.Cell(id, bound.ID); c == nil || c.Score.Value > r.Cell(id, "prm@8/255").Score.Value {
			t.Errorf("%s: the white box leaves %+v", id, c)
		}
	}
	if r.Cell("line3", bound.ID) != nil || !slices.ContainsFunc(r.NotTested, func(g report.Text) bool {
		return g.Code == "gap.no-gradient" && strings.Contains(g.Args[0], "Line 3 (a black box)")
	}) {
		t.Errorf("a command has a white-box score, or nothing says why not: %+v", r.NotTested)
	}
	for _, a := range r.Attacks {
		if a.Systems != nil {
			continue
		}
		if zero, whole := r.Cell("zero-shot-all", a.ID), r.Cell("whole", a.ID); zero == nil || whole == nil || zero.Score.Value != whole.Score.Value {
			t.Errorf("%s: the zero-shot head and the whole system with the same prompts differ: %+v, %+v", a.ID, zero, whole)
		}
	}
	if c := r.Cell("neighbours", report.Clean); c.Score.Value != 1 {
		t.Errorf("image retrieval by a whole system among the same images: %+v", c.Score)
	}
	if c := r.Cell("line3", report.Clean); float64(c.Score.Value) != 0.5 {
		t.Errorf("a system that calls everything a blowhole is right about %v of the images", c.Score.Value)
	}
	if c := r.Cell("gate", report.Clean); !slices.ContainsFunc(c.Score.Warnings, func(w string) bool {
		return strings.Contains(w, "system gate: image MT_") && strings.Contains(w, "no JSON object")
	}) {
		t.Errorf("warnings %q do not name the system and the image that failed", c.Score.Warnings)
	}
	for _, s := range r.Systems {
		if s.ID == "line3" && (s.Name != "Line 3" || s.Relation != "black-box" || !strings.HasPrefix(s.Detail, "command")) {
			t.Errorf("%+v", s)
		}
	}
}

func TestParseSystem(t *testing.T) {
	for arg, want := range map[string]systemConfig{
		"models/inspect.onnx":              {Name: "inspect", ONNX: "models/inspect.onnx"},
		"line3=models/inspect.ONNX":        {Name: "line3", ONNX: "models/inspect.ONNX"},
		"https://host/a?b=c":               {Name: "host", URL: "https://host/a?b=c"},
		"api=http://host:80/x":             {Name: "api", URL: "http://host:80/x"},
		"./bin/inspect.sh --json {image}":  {Name: "inspect", Command: []string{"./bin/inspect.sh", "--json", "{image}"}},
		"cmd=python3 inspect.py --as=json": {Name: "cmd", Command: []string{"python3", "inspect.py", "--as=json"}},
	} {
		if got := parseSystem(arg); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %+v, want %+v", arg, got, want)
		}
	}
}

func TestSystemMistakes(t *testing.T) {
	dir := t.TempDir()
	for text, says := range map[string]string{
		"{name: a}": "exactly one of onnx, command and url",
		"{name: a, url: 'http://h', onnx: b.onnx}": "exactly one",
		"{onnx: b.onnx}": "needs a name",
		"{name: a, url: 'http://h', relation: cousin}":      `"cousin" is none of same-weights`,
		"{name: a, url: 'http://h', task: guess}":           `"guess" is not known`,
		"{name: a, url: 'http://h', threshold: 1}":          "are for ONNX files",
		"{name: a, url: 'http://h', map: {x: y}}":           `"x" is renamed to "y"`,
		"{name: a, url: 'http://h', limits: {tries: 1}}":    "field tries not found",
		"{name: a, url: 'http://h', limits: {retries: -1}}": "-1 retries",
		"{name: a, command: [no-such-program]}":             "no-such-program",
		"{name: zero-shot, url: 'http://h'}":                "two systems are called zero-shot",
		"{name: a, url: 'http://h', gallery: {path: 'embedded:tiles', rename: {MT_Free: none, MT_Blowhole: blowhole, MT_Break: break, MT_Crack: crack, MT_Fray: fray, MT_Uneven: uneven surface}}}": "is in the gallery and among the judged",
	} {
		path := filepath.Join(dir, "plumbline.yaml")
		if err := os.WriteFile(path, []byte("systems: ["+text+"]"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, log := command(t, "check", "--config", path, "--out", filepath.Join(dir, "out"))
		if code != exitUsage && code != exitInput || !strings.Contains(log, says) {
			t.Errorf("%s: exit code %d, message %q, want %q", text, code, log, says)
		}
	}
}

// TestSystemsExample reads the configuration that the documentation shows.
func TestSystemsExample(t *testing.T) {
	c, err := readConfig(filepath.Join("..", "..", "docs", "systems.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Systems) != 4 || c.Systems[1].Boxes.NMS != 0.5 || c.Systems[2].Limits.Retries != 1 || c.Systems[2].Limits.Backoff == 0 {
		t.Errorf("%+v", c.Systems)
	}
	for _, s := range c.Systems {
		if err := s.validate("black-box"); err != nil {
			t.Error(err)
		}
	}
}
