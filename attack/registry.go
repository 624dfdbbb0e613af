package attack

import (
	"fmt"
	"sort"
	"strings"
)

// registry holds the builders of one kind of part by name.
type registry[T fmt.Stringer] struct {
	kind    string
	entries map[string]entry[T]
}

type entry[T any] struct {
	doc   string
	build func(*Args) T
}

func newRegistry[T fmt.Stringer](kind string) *registry[T] {
	return &registry[T]{kind, map[string]entry[T]{}}
}

// add registers a builder; doc is one line: what it does and where it comes from.
func (r *registry[T]) add(name, doc string, build func(*Args) T) struct{} {
	if _, taken := r.entries[name]; taken {
		panic("attack: " + r.kind + " " + name + " registered twice")
	}
	r.entries[name] = entry[T]{doc, build}
	return struct{}{}
}

func (r *registry[T]) build(c call) (T, error) {
	var zero T
	e, ok := r.entries[c.name]
	if !ok {
		return zero, &UnknownError{r.kind, c.name, "", r.names()}
	}
	a := newArgs(c)
	v := e.build(a)
	if err := a.finish(); err != nil {
		return zero, err
	}
	return v, nil
}

func (r *registry[T]) names() []string {
	names := make([]string, 0, len(r.entries))
	for n := range r.entries {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (r *registry[T]) list() []Entry {
	list := make([]Entry, 0, len(r.entries))
	for _, n := range r.names() {
		list = append(list, Entry{n, r.entries[n].doc})
	}
	return list
}

// Entry names a registered attack or part and says in one line what it is.
type Entry struct{ Name, Doc string }

// UnknownError reports a name that nothing is registered under, with the nearest one that exists.
type UnknownError struct {
	Kind  string // "attack", "objective", "parameter", …
	Name  string
	In    string // the attack or part whose parameter it is
	Known []string
}

func (e *UnknownError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "attack: unknown %s %q", e.Kind, e.Name)
	if e.In != "" {
		fmt.Fprintf(&b, " of %s", e.In)
	}
	if s := nearest(e.Name, e.Known); s != "" {
		fmt.Fprintf(&b, "; did you mean %q?", s)
	}
	if len(e.Known) > 0 {
		fmt.Fprintf(&b, " (known: %s)", strings.Join(e.Known, ", "))
	}
	return b.String()
}

// nearest returns the known name with the smallest edit distance, if it is close enough to be a slip.
func nearest(name string, known []string) string {
	best, at := "", max(2, len(name)/2)+1
	for _, k := range known {
		d := editDistance(name, k)
		if strings.HasPrefix(k, name) && name != "" {
			d = min(d, 1)
		}
		if d < at {
			best, at = k, d
		}
	}
	return best
}

// editDistance counts insertions, deletions and substitutions (Levenshtein).
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// The registries, one per kind of part. Each part's file adds itself.
var (
	attacks    = newRegistry[Attack]("attack")
	objectives = newRegistry[Objective]("objective")
	stepRules  = newRegistry[StepRule]("step rule")
	inits      = newRegistry[Init]("start")
	schedules  = newRegistry[Schedule]("schedule")
	transforms = newRegistry[Transform]("transform")
)

// Parse builds the attack that an expression names, such as "prm", "prm(steps=100,seed=7)" or
// "restarts(n=3,attack=pgd)". Parameters left out take their defaults; the attack's String prints all.
func Parse(text string) (Attack, error) {
	c, err := parseCall(text)
	if err != nil {
		return nil, err
	}
	return attacks.build(c)
}

// ParseObjective builds the objective that an expression names, such as "prm(layers=stem+block.3)".
func ParseObjective(text string) (Objective, error) {
	c, err := parseCall(text)
	if err != nil {
		return nil, err
	}
	return objectives.build(c)
}

// List returns every registered attack, sorted by name.
func List() []Entry { return attacks.list() }

// Parts returns every registered part, sorted by name within its kind: "objective", "step rule",
// "start", "schedule", "transform".
func Parts() map[string][]Entry {
	return map[string][]Entry{
		objectives.kind: objectives.list(),
		stepRules.kind:  stepRules.list(),
		inits.kind:      inits.list(),
		schedules.kind:  schedules.list(),
		transforms.kind: transforms.list(),
	}
}

// With returns a with some parameters replaced, for example With(a, "seed=7", "steps=100"). In a
// combinator the parameters go to every attack inside that knows them; a parameter nobody knows is an
// error.
func With(a Attack, params ...string) (Attack, error) {
	c, err := parseCall(a.String())
	if err != nil {
		return nil, err
	}
	for _, p := range params {
		key, val, ok := strings.Cut(p, "=")
		v, err := parseCall(val)
		if !ok || err != nil {
			return nil, fmt.Errorf("attack: %q is no parameter: want key=value", p)
		}
		if !c.set(strings.TrimSpace(key), v) {
			known := make([]string, len(c.args))
			for i, g := range c.args {
				known[i] = g.key
			}
			return nil, &UnknownError{"parameter", key, c.name, known}
		}
	}
	return attacks.build(c)
}

// set replaces the value of key in c, or in the attacks inside c.
func (c *call) set(key string, v call) bool {
	for i := range c.args {
		if c.args[i].key == key {
			c.args[i].val = v
			return true
		}
	}
	found := false
	for i := range c.args {
		if _, isAttack := attacks.entries[c.args[i].val.name]; isAttack && !c.args[i].val.bare {
			found = c.args[i].val.set(key, v) || found
		}
	}
	return found
}
