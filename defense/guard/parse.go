package guard

import (
	"fmt"
	"sort"
	"strings"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

type entry struct {
	doc   string
	build func(a *expr.Args) (Guard, error)
}

var registry = map[string]entry{}

// register adds a guard; each is registered in its own file.
func register(name, doc string, build func(a *expr.Args) (Guard, error)) struct{} {
	registry[name] = entry{doc, build}
	return struct{}{}
}

// Entry describes a registered guard.
type Entry struct {
	Name string
	Doc  string
}

// List returns the registered guards by name.
func List() []Entry {
	var out []Entry
	for name, e := range registry {
		out = append(out, Entry{name, e.doc})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Parse builds a guard from an expression such as round(2) on logits, softmax+round(1) on probabilities, or
// temperature(2)+softmax+topk(3).
func Parse(text string) (Guard, error) {
	calls, err := expr.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("guard: in %q: %w", expr.Short(text), err)
	}
	var chain Chain
	for _, c := range calls {
		e, ok := registry[c.Name]
		if !ok {
			var names []string
			for _, e := range List() {
				names = append(names, e.Name)
			}
			return nil, fmt.Errorf("guard: %q is unknown (known: %s)", c.Name, strings.Join(names, ", "))
		}
		a := expr.NewArgs(c)
		g, err := e.build(a)
		if aerr := a.Finish(); aerr != nil {
			return nil, fmt.Errorf("guard: %w", aerr)
		}
		if err != nil {
			return nil, fmt.Errorf("guard: %w", err)
		}
		chain = append(chain, g)
	}
	if len(chain) == 1 {
		return chain[0], nil
	}
	return chain, nil
}
