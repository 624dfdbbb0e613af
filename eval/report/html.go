package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"regexp"
	"strings"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// HTMLOptions say how a page is rendered; they change no number.
type HTMLOptions struct {
	Lang   Lang  // language first shown; the page holds all of them. Default English
	Assets fs.FS // where the report's picture files are; nil for no gallery
	Run    *Run  // time and machine; may be nil
}

// WriteHTML writes one page that needs no network: styles, script, charts and pictures are inside, and
// its content security policy forbids every request.
func (r *Report) WriteHTML(w io.Writer, o HTMLOptions) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if o.Lang == "" {
		o.Lang = English
	}
	v, err := newPage(r, o)
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"t":    func(code string, args ...any) template.HTML { return bilingual(T(code, args...)) },
		"text": bilingual,
		"in":   func(code string, args ...any) string { return T(code, args...).In(o.Lang) },
	}).Parse(pageTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}

// bilingual renders t once per language, each marked, for the style sheet to choose; text that is the
// same everywhere stands once.
func bilingual(t Text) template.HTML {
	first := unbroken(t.In(Languages[0]))
	var b strings.Builder
	same := true
	for _, l := range Languages {
		s := unbroken(t.In(l))
		same = same && s == first
		fmt.Fprintf(&b, `<span lang="%s">%s</span>`, l, template.HTMLEscapeString(s))
	}
	if same {
		return template.HTML(template.HTMLEscapeString(first))
	}
	return template.HTML(b.String())
}

var loose = regexp.MustCompile(`([0-9]) (%|dB)|(ε) = `)

// unbroken keeps a number and its unit on one line.
func unbroken(s string) string {
	return loose.ReplaceAllStringFunc(s, func(m string) string { return strings.ReplaceAll(m, " ", "\u00a0") })
}

// policy allows what the page carries in itself and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(pageScript))
	return "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
