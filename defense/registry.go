package defense

import (
	"fmt"
	"sort"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// Resources are what some defences need beside their parameters. Those not needed may be left empty.
type Resources struct {
	Clean   []*tensor.Dense // clean pictures, 3×H×W: pca-patch learns its patches from them
	Classes [][]float32     // text embeddings of the classes, one per class: anti-adversary
	Blank   []float32       // mean text embedding of prompts without a class name: clipure-cos
}

// builder makes a defence from its arguments.
type builder func(a *expr.Args, r Resources) (Defense, error)

type entry struct {
	doc   string
	build builder
}

// registry holds every defence by name; each is registered in its own file.
var registry = map[string]entry{}

// register adds a defence; doc is one line: what it does, its parameters and where it comes from.
func register(name, doc string, b builder) struct{} {
	if _, taken := registry[name]; taken {
		panic("defense: " + name + " registered twice")
	}
	registry[name] = entry{doc, b}
	return struct{}{}
}

// purifier registers a purifier that needs no resources.
func purifier(name, doc string, f func(a *expr.Args) Purifier) struct{} {
	return register(name, doc, func(a *expr.Args, _ Resources) (Defense, error) { return Purify(f(a)), nil })
}

// Entry describes a registered defence.
type Entry struct {
	Name string
	Doc  string
}

// List returns the registered defences by name.
func List() []Entry {
	out := make([]Entry, 0, len(registry))
	for name, e := range registry {
		out = append(out, Entry{name, e.doc})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func names() string {
	var n []string
	for _, e := range List() {
		n = append(n, e.Name)
	}
	return strings.Join(n, ", ")
}

// Parse builds a defence from an expression: a name with arguments by position or by key, such as jpeg(75) or
// tv(lambda=0.1), or several joined by + in the order in which the image meets them.
func Parse(text string, r Resources) (Defense, error) {
	calls, err := expr.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("defense: in %q: %w", expr.Short(text), err)
	}
	var chain Chain
	for _, c := range calls {
		d, err := build(c, r)
		if err != nil {
			return nil, err
		}
		chain = append(chain, d)
	}
	if len(chain) == 1 {
		return chain[0], nil
	}
	return chain, nil
}

func build(c expr.Call, r Resources) (Defense, error) {
	e, ok := registry[c.Name]
	if !ok {
		return nil, fmt.Errorf("defense: %q is unknown (known: %s)", c.Name, names())
	}
	a := expr.NewArgs(c)
	d, err := e.build(a, r)
	if aerr := a.Finish(); aerr != nil {
		return nil, aerr
	}
	if err != nil {
		return nil, err
	}
	if v, ok := d.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

var _ = register("none", "no defence", func(*expr.Args, Resources) (Defense, error) { return None{}, nil })

var _ = register("bpda", "bpda(D): purifier D with the identity as gradient", func(a *expr.Args, r Resources) (Defense, error) {
	d, err := Parse(a.Text("defense", "none"), r)
	if err != nil {
		return nil, err
	}
	return BPDA(d)
})
