package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func render(t *testing.T, o HTMLOptions) string {
	t.Helper()
	r, files := sample()
	o.Assets = files
	var buf bytes.Buffer
	if err := r.WriteHTML(&buf, o); err != nil {
		t.Fatal(err)
	}
	keep(t, "sample-"+string(o.Lang)+".html", buf.Bytes())
	return buf.String()
}

func TestHTMLHoldsEverything(t *testing.T) {
	page := render(t, HTMLOptions{Lang: English})
	r, _ := sample()
	for _, s := range r.Systems {
		if !strings.Contains(page, s.Name) {
			t.Errorf("system %s is missing", s.Name)
		}
	}
	for _, want := range []string{"1 of 2 gates failed.", "2件の基準のうち1件が不合格。", "92 %", "82–100", "robust_accuracy(system=zero-shot", "broken.png", "AML.T0043.002"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(page, "<b>") || strings.Contains(page, "ZgotmplZ") {
		t.Error("text from the report reached the page as markup, or the template refused a value")
	}
	if n := strings.Count(page, "data:image/png"); n != 4*6 {
		t.Errorf("%d pictures, want 24", n)
	}
}

// outside finds whatever a browser would fetch by itself.
var outside = regexp.MustCompile(`(?i)(?:src|srcset|data|poster|action|xlink:href)\s*=\s*"(?:https?:)?//|url\(|@import|<link|<iframe|<object|<embed`)

func TestHTMLNeedsNoNetwork(t *testing.T) {
	if m := outside.FindString(render(t, HTMLOptions{Lang: English})); m != "" {
		t.Errorf("the page would fetch: %s", m)
	}
}

func TestHTMLFirstLanguage(t *testing.T) {
	page := render(t, HTMLOptions{Lang: Japanese})
	if !strings.Contains(page, `<html lang="ja">`) || !strings.Contains(page, `data-lang="ja" aria-pressed="true"`) {
		t.Error("Japanese is not shown first")
	}
}

func TestHTMLWithoutPictures(t *testing.T) {
	r, _ := sample()
	var buf bytes.Buffer
	if err := r.WriteHTML(&buf, HTMLOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(buf.String(), "data:image/png") {
		t.Error("pictures without files")
	}
}
