package report

import (
	"bytes"
	"strings"
	"testing"
)

// A row of the table of defences holds clean and attacked scores, what is missing, and the latency; below it
// stand its outcome and its flags.
func TestDefenceTable(t *testing.T) {
	r, _ := sample()
	run := &Run{Latency: map[string]Latency{Undefended: {Undefended: 2.04}, "jpeg(75)": {Undefended: 2, Added: 8.51}}}
	var md, ja, html bytes.Buffer
	if err := r.WriteMarkdown(&md, English, run); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Defence | clean | plain | adaptive | white box | transfer | scores | labels | worst per image | ms per image |",
		"| `none` | 92 % (72–100) | 33 % (13–53) | 17 % (0–37) | – | – | – | 0 % (0–20) | 0 % (0–20) | 2.0 |",
		"| `jpeg(75)` | 83 % (63–100) | 67 % (47–87) | 0 % (0–20) | – | – | – | 17 % (0–37) | 0 % (0–20) | +8.5 |",
		"- `jpeg(75)`: falls: 67 % under the attack that does not know it, 0 % under the worst\n  - `own-gradient-weaker` ",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("no %q in\n%s", want, md.String())
		}
	}
	if err := r.WriteMarkdown(&ja, Japanese, nil); err != nil {
		t.Fatal(err)
	}
	if want := "| `jpeg(75)` | 83 % (63–100) | 67 % (47–87) | 0 % (0–20) | – | – | – | 17 % (0–37) | 0 % (0–20) | – |"; !strings.Contains(ja.String(), want) ||
		!strings.Contains(ja.String(), "防御を知る攻撃者に対する防御") {
		t.Errorf("in Japanese:\n%s", ja.String())
	}
	if err := r.WriteHTML(&html, HTMLOptions{Run: run}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<h2 id="defences">`, "<td>&#43;8.5</td>", "own-gradient-weaker", "恒等写像"} {
		if !strings.Contains(html.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}

func TestFormatLatency(t *testing.T) {
	run := &Run{Latency: map[string]Latency{"slow": {Added: 123.4}, "fast": {Added: 0.083}, "noisy": {Added: -0.2}}}
	for name, want := range map[string]string{"slow": "+123", "fast": "+0.08", "noisy": "+0", "other": "–"} {
		if got := FormatLatency(run, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
