package text

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// rule is a normaliser or a rule that cuts, as a tokenizer.json has it.
type rule struct {
	Type        string            `json:"type"`
	Normalizers []json.RawMessage `json:"normalizers"`
	Cutters     []json.RawMessage `json:"pretokenizers"`
	Pattern     *pattern          `json:"pattern"`
	Content     string            `json:"content"`
	Prepend     string            `json:"prepend"`
	Left        *bool             `json:"strip_left"`
	Right       *bool             `json:"strip_right"`
	Replacement string            `json:"replacement"`
	Scheme      string            `json:"prepend_scheme"`
	AddPrefix   *bool             `json:"add_prefix_space"`
	Split       *bool             `json:"split"`
	Behavior    string            `json:"behavior"`
	Invert      bool              `json:"invert"`
}

// pattern is a literal or a regular expression.
type pattern struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

func (p *pattern) compile() (*regexp.Regexp, error) {
	switch {
	case p != nil && p.String != nil:
		return regexp.Compile(regexp.QuoteMeta(*p.String))
	case p != nil && p.Regex != nil:
		return regexp.Compile(*p.Regex)
	}
	return nil, fmt.Errorf("a pattern is missing")
}

func parseRule(raw json.RawMessage) (r rule, none bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return r, true, nil
	}
	return r, false, json.Unmarshal(raw, &r)
}

// normalizers reads a normaliser; the result is nil for none.
func normalizers(raw json.RawMessage) ([]func(string) string, error) {
	r, none, err := parseRule(raw)
	if err != nil || none {
		return nil, err
	}
	if r.Type == "Sequence" {
		var all []func(string) string
		for _, n := range r.Normalizers {
			more, err := normalizers(n)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	f, err := r.normalizer()
	return []func(string) string{f}, err
}

func (r rule) normalizer() (func(string) string, error) {
	switch r.Type {
	case "Lowercase":
		return strings.ToLower, nil
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return norm.NFD.String, nil
	case "NFKC":
		return norm.NFKC.String, nil
	case "NFKD":
		return norm.NFKD.String, nil
	case "Precompiled": // SentencePiece's table, which is NFKC with blanks made alike
		return func(s string) string { return strings.Map(blank, norm.NFKC.String(s)) }, nil
	case "StripAccents":
		return func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return r
			}, s)
		}, nil
	case "Prepend":
		return func(s string) string {
			if s == "" {
				return s
			}
			return r.Prepend + s
		}, nil
	case "Strip":
		return func(s string) string {
			if r.Left == nil || *r.Left {
				s = strings.TrimLeftFunc(s, unicode.IsSpace)
			}
			if r.Right == nil || *r.Right {
				s = strings.TrimRightFunc(s, unicode.IsSpace)
			}
			return s
		}, nil
	case "Replace":
		re, err := r.Pattern.compile()
		return func(s string) string { return re.ReplaceAllLiteralString(s, r.Content) }, err
	}
	return nil, fmt.Errorf("type %q is not known", r.Type)
}

// blank makes every white space a blank and drops control characters.
func blank(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

// cutters reads a rule that cuts a text into parts.
func cutters(raw json.RawMessage) ([]func([]string) []string, error) {
	r, none, err := parseRule(raw)
	if err != nil || none {
		return nil, err
	}
	if r.Type == "Sequence" {
		var all []func([]string) []string
		for _, n := range r.Cutters {
			more, err := cutters(n)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	f, err := r.cutter()
	return []func([]string) []string{f}, err
}

// wordOrMark is the pattern of the Whitespace rule.
var wordOrMark = regexp.MustCompile(`[\p{L}\p{M}\p{N}\p{Pc}]+|[^\p{L}\p{M}\p{N}\p{Pc}\s]+`)

func (r rule) cutter() (func([]string) []string, error) {
	switch r.Type {
	case "Whitespace":
		return eachPart(func(s string) []string { return wordOrMark.FindAllString(s, -1) }), nil
	case "WhitespaceSplit":
		return eachPart(strings.Fields), nil
	case "Metaspace":
		return r.metaspace()
	case "Split":
		re, err := r.Pattern.compile()
		if err != nil {
			return nil, err
		}
		if r.Invert {
			return nil, fmt.Errorf("a Split that is inverted is not known")
		}
		return r.split(re)
	}
	return nil, fmt.Errorf("type %q is not known", r.Type)
}

func eachPart(f func(string) []string) func([]string) []string {
	return func(parts []string) (out []string) {
		for _, p := range parts {
			out = append(out, f(p)...)
		}
		return out
	}
}

// metaspace makes blanks visible, puts one in front, and cuts before each.
func (r rule) metaspace() (func([]string) []string, error) {
	mark, scheme := r.Replacement, r.Scheme
	if mark == "" || utf8.RuneCountInString(mark) != 1 {
		return nil, fmt.Errorf("a Metaspace with the replacement %q", mark)
	}
	if scheme == "" {
		scheme = "always"
	}
	if r.AddPrefix != nil && !*r.AddPrefix {
		scheme = "never"
	}
	return func(parts []string) (out []string) {
		for i, s := range parts {
			if s == "" {
				continue
			}
			s = strings.ReplaceAll(s, " ", mark)
			if (scheme == "always" || scheme == "first" && i == 0) && !strings.HasPrefix(s, mark) {
				s = mark + s
			}
			if r.Split != nil && !*r.Split {
				out = append(out, s)
				continue
			}
			out = append(out, before(s, mark)...)
		}
		return out
	}, nil
}

// before cuts s before every mark.
func before(s, mark string) (out []string) {
	at := 0
	for i := range s {
		if i > at && strings.HasPrefix(s[i:], mark) {
			out = append(out, s[at:i])
			at = i
		}
	}
	return append(out, s[at:])
}

// split cuts at what a pattern finds.
func (r rule) split(re *regexp.Regexp) (func([]string) []string, error) {
	known := map[string]bool{"Removed": true, "Isolated": true, "MergedWithPrevious": true, "MergedWithNext": true}
	if !known[r.Behavior] {
		return nil, fmt.Errorf("a Split with the behaviour %q is not known", r.Behavior)
	}
	return eachPart(func(s string) []string {
		var out []string
		at := 0 // where the part under way begins
		for _, m := range re.FindAllStringIndex(s, -1) {
			switch r.Behavior {
			case "MergedWithPrevious":
				out = append(out, s[at:m[1]])
				at = m[1]
			case "MergedWithNext":
				out = append(out, s[at:m[0]])
				at = m[0]
			case "Isolated":
				out = append(out, s[at:m[0]], s[m[0]:m[1]])
				at = m[1]
			default:
				out = append(out, s[at:m[0]])
				at = m[1]
			}
		}
		return append(out, s[at:])
	}), nil
}
