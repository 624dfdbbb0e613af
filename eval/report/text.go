package report

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Lang is a language of the rendered report.
type Lang string

// The languages a report can be rendered in.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

// Languages lists them, the default first.
var Languages = []Lang{English, Japanese}

// Text is a sentence of the catalogue with its arguments, so that a report written once reads in every
// language. JSON carries the English rendering beside the code for other readers.
type Text struct {
	Code string
	Args []string
}

// T returns the sentence called code with args put in for {0}, {1}, ….
func T(code string, args ...any) Text {
	t := Text{Code: code}
	for _, a := range args {
		t.Args = append(t.Args, fmt.Sprint(a))
	}
	return t
}

// In renders t in language l, in English where the catalogue has no translation. An unknown code is
// rendered as itself with its arguments.
func (t Text) In(l Lang) string {
	s, ok := catalogue[t.Code]
	if !ok {
		return strings.TrimSpace(t.Code + " " + strings.Join(t.Args, " "))
	}
	template := s[l]
	if template == "" {
		template = s[English]
	}
	for i, a := range t.Args {
		template = strings.ReplaceAll(template, "{"+strconv.Itoa(i)+"}", a)
	}
	return template
}

// String renders t in English.
func (t Text) String() string { return t.In(English) }

type textJSON struct {
	Code string   `json:"code"`
	Args []string `json:"args,omitempty"`
	Text string   `json:"text"`
}

// MarshalJSON writes code, arguments and the English rendering.
func (t Text) MarshalJSON() ([]byte, error) {
	return json.Marshal(textJSON{t.Code, t.Args, t.In(English)})
}

// UnmarshalJSON reads code and arguments; the rendering is derived and therefore ignored.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var j textJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	t.Code, t.Args = j.Code, j.Args
	return nil
}

// entry is one sentence in every language.
type entry map[Lang]string

var catalogue = merge(labels, sentences, findingTexts, flagTexts, gapTexts)

func merge(parts ...map[string]entry) map[string]entry {
	out := map[string]entry{}
	for _, p := range parts {
		for code, e := range p {
			if _, twice := out[code]; twice {
				panic("report: catalogue code " + code + " is defined twice")
			}
			out[code] = e
		}
	}
	return out
}

func both(en, ja string) entry { return entry{English: en, Japanese: ja} }
