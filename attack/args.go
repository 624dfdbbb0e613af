package attack

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Args are the arguments of one expression while it is built. A builder asks for each parameter with its
// default; what it asked for, in that order, is the full expression that [Args.String] prints.
type Args struct {
	name string
	in   []arg
	used []bool
	out  []arg
	errs []error
}

func newArgs(c call) *Args {
	return &Args{name: c.name, in: c.args, used: make([]bool, len(c.args))}
}

// String prints the expression with every parameter asked for, defaults included.
func (a *Args) String() string { return call{name: a.name, args: a.out}.String() }

func (a *Args) errorf(format string, v ...any) {
	a.errs = append(a.errs, fmt.Errorf("attack: %s: %w", a.name, fmt.Errorf(format, v...)))
}

// lookup finds the argument key, or else the default's expression.
func (a *Args) lookup(key, def string) call {
	for i, g := range a.in {
		if g.key == key && !a.used[i] {
			a.used[i] = true
			return g.val
		}
	}
	c, err := parseCall(def)
	if err != nil {
		a.errorf("the default of %s: %w", key, err)
	}
	return c
}

func (a *Args) keep(key string, v string) {
	c, err := parseCall(v)
	if err != nil {
		a.errorf("the value of %s: %w", key, err)
	}
	a.out = append(a.out, arg{key, c})
}

// Text returns a parameter that is an atom.
func (a *Args) Text(key, def string) string {
	c := a.lookup(key, def)
	if !c.bare {
		a.errorf("%s wants a plain value, not %s", key, c)
	}
	a.keep(key, c.name)
	return c.name
}

// Choice returns a parameter that is one of the given words; the first is the default.
func (a *Args) Choice(key string, words ...string) string {
	v := a.Text(key, words[0])
	for _, w := range words {
		if v == w {
			return v
		}
	}
	a.errorf("%s is %q; want one of %s", key, v, strings.Join(words, ", "))
	return words[0]
}

// Int returns a whole number of at least lo.
func (a *Args) Int(key string, def, lo int) int {
	s := a.lookup(key, strconv.Itoa(def)).String()
	n, err := strconv.Atoi(s)
	if err != nil || n < lo || n > math.MaxInt32 {
		a.errorf("%s is %q; want a whole number of at least %d", key, s, lo)
		n = def
	}
	a.keep(key, strconv.Itoa(n))
	return n
}

// Seed returns the parameter seed, by default 0.
func (a *Args) Seed() uint64 {
	s := a.lookup("seed", "0").String()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		a.errorf("seed is %q; want a whole number", s)
	}
	a.keep("seed", strconv.FormatUint(n, 10))
	return n
}

// Float returns a finite number in [lo, hi].
func (a *Args) Float(key string, def, lo, hi float64) float64 {
	s := a.lookup(key, num(def)).String()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= lo && f <= hi) {
		a.errorf("%s is %q; want a number in [%s, %s]", key, s, num(lo), num(hi))
		f = def
	}
	a.keep(key, num(f))
	return f
}

// Size returns a step size such as 1/255 or eps/4.
func (a *Args) Size(key, def string) Size {
	s := a.lookup(key, def).String()
	v, err := ParseSize(s)
	if err != nil {
		a.errorf("%s: %w", key, err)
		return v
	}
	a.keep(key, v.String())
	return v
}

// part builds a nested part of one kind.
func part[T fmt.Stringer](a *Args, kind *registry[T], key, def string) T {
	v, err := kind.build(a.lookup(key, def))
	if err != nil {
		a.errs = append(a.errs, err)
		return v
	}
	a.keep(key, v.String())
	return v
}

// rest builds all positional arguments as parts of one kind.
func rest[T fmt.Stringer](a *Args, kind *registry[T]) []T {
	var list []T
	for i, g := range a.in {
		if g.key != "" || a.used[i] {
			continue
		}
		a.used[i] = true
		v, err := kind.build(g.val)
		if err != nil {
			a.errs = append(a.errs, err)
			continue
		}
		list = append(list, v)
		a.out = append(a.out, arg{"", mustCall(v.String())})
	}
	return list
}

// Objective, Step, Init and Schedule build the parts of these kinds.
func (a *Args) Objective(key, def string) Objective { return part(a, objectives, key, def) }
func (a *Args) Step(key, def string) StepRule       { return part(a, stepRules, key, def) }
func (a *Args) Init(key, def string) Init           { return part(a, inits, key, def) }
func (a *Args) Schedule(key, def string) Schedule   { return part(a, schedules, key, def) }
func (a *Args) Transform(key, def string) Transform { return part(a, transforms, key, def) }

// finish reports the first thing wrong, unknown parameters included.
func (a *Args) finish() error {
	if len(a.errs) > 0 {
		return a.errs[0]
	}
	for i, g := range a.in {
		if a.used[i] {
			continue
		}
		known := make([]string, 0, len(a.out))
		for _, o := range a.out {
			known = append(known, o.key)
		}
		if g.key == "" {
			return &UnknownError{"value", g.val.String(), a.name, known}
		}
		return &UnknownError{"parameter", g.key, a.name, known}
	}
	return nil
}

func mustCall(s string) call {
	c, err := parseCall(s)
	if err != nil {
		panic(err) // a part printed what it cannot read
	}
	return c
}

// num prints a float so that it reads back the same.
func num(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// expr prints name(key=value,…) for parts that are plain structs.
func expr(name string, kv ...any) string {
	parts := make([]string, 0, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		v := fmt.Sprint(kv[i+1])
		if f, ok := kv[i+1].(float64); ok {
			v = num(f)
		}
		parts = append(parts, fmt.Sprint(kv[i])+"="+v)
	}
	return name + "(" + strings.Join(parts, ",") + ")"
}

// Floats returns a list of finite numbers written a+b+c.
func (a *Args) Floats(key, def string) []float64 {
	s := a.lookup(key, def).String()
	var list []float64
	for _, w := range splitList(s) {
		f, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			a.errorf("%s is %q; want numbers joined by +", key, s)
			break
		}
		list = append(list, f)
	}
	a.keep(key, joinFloats(list, def))
	return list
}

func joinFloats(list []float64, def string) string {
	if len(list) == 0 {
		return def
	}
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = num(f)
	}
	return strings.Join(words, "+")
}
