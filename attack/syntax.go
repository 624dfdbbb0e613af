package attack

import (
	"fmt"
	"strings"
)

// call is a parsed expression: name(key=value, value, …). A value without arguments is an atom such as
// 8/255 or stem+block.3.
type call struct {
	name string
	args []arg
	bare bool // written without parentheses
}

type arg struct {
	key string // empty for a positional argument
	val call
}

// String prints c without spaces; parseCall reads it back.
func (c call) String() string {
	if len(c.args) == 0 && c.bare {
		return c.name
	}
	parts := make([]string, len(c.args))
	for i, a := range c.args {
		parts[i] = a.val.String()
		if a.key != "" {
			parts[i] = a.key + "=" + parts[i]
		}
	}
	return c.name + "(" + strings.Join(parts, ",") + ")"
}

// SyntaxError points at the place where an expression stops making sense.
type SyntaxError struct {
	Text   string
	Pos    int // byte offset
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("attack: in %q at position %d: %s", e.Text, e.Pos+1, e.Reason)
}

const (
	maxExpr  = 1 << 14 // bytes
	maxDepth = 16      // nesting
)

type parser struct {
	text string
	pos  int
}

// parseCall reads a whole expression.
func parseCall(text string) (call, error) {
	if len(text) > maxExpr {
		return call{}, &SyntaxError{text[:40] + "…", maxExpr, "the expression is too long"}
	}
	p := &parser{text: text}
	c, err := p.value(0)
	if err != nil {
		return c, err
	}
	if p.skip(); p.pos < len(p.text) {
		return c, p.fail("unexpected " + fmt.Sprintf("%q", p.text[p.pos:p.pos+1]))
	}
	return c, nil
}

func (p *parser) fail(reason string) error { return &SyntaxError{p.text, p.pos, reason} }

func (p *parser) skip() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// eat consumes c if it comes next.
func (p *parser) eat(c byte) bool {
	p.skip()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// atom reads characters up to one of ( ) , = or a blank.
func (p *parser) atom() (string, error) {
	p.skip()
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("(),= \t\n", p.text[p.pos]) < 0 {
		p.pos++
	}
	if start == p.pos {
		return "", p.fail("a name or a number is missing")
	}
	return p.text[start:p.pos], nil
}

func (p *parser) value(depth int) (call, error) {
	if depth > maxDepth {
		return call{}, p.fail("the expression is nested too deeply")
	}
	name, err := p.atom()
	c := call{name: name, bare: true}
	if err != nil || !p.eat('(') {
		return c, err
	}
	c.bare = false
	if p.eat(')') {
		return c, nil
	}
	for {
		a, err := p.argument(depth)
		if err != nil {
			return c, err
		}
		c.args = append(c.args, a)
		if p.eat(')') {
			return c, nil
		}
		if !p.eat(',') {
			return c, p.fail("want a comma or a closing parenthesis")
		}
	}
}

func (p *parser) argument(depth int) (arg, error) {
	v, err := p.value(depth + 1)
	if err != nil || !v.bare || !p.eat('=') {
		return arg{val: v}, err
	}
	key := v.name
	v, err = p.value(depth + 1)
	return arg{key, v}, err
}
