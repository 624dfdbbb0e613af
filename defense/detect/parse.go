package detect

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Resources are what detectors are built from beside their parameters. Those not needed may be left empty.
type Resources struct {
	Encoder encoder.Encoder
	Second  encoder.Encoder // disagreement
	Clean   []*tensor.Dense // clean pictures: token-knn, mahalanobis, disagreement
	Labels  []int           // classes of the clean pictures, or nil: mahalanobis
	Classes [][]float32     // class texts, or nil: feature-squeezing
	Seed    uint64          // random squeezers and noise
}

type builder func(ctx context.Context, a *expr.Args, r Resources) (*Detector, error)

type entry struct {
	doc   string
	build builder
}

// registry holds the detectors by name. It is filled here, not in their files, because each takes other resources.
var registry = map[string]entry{
	"feature-squeezing": {"feature-squeezing(D,…): largest change under purifiers D, by default bitdepth(5),median(2) (arXiv 1704.01155)", buildSqueezing},
	"noise-drift":       {"noise-drift(eps=4/255,draws=3): minus the relative drift under noise (TTC's τ, CVPR 2025)", buildDrift},
	"token-consistency": {"token-consistency(pixels=3,tap=last): change of patch tokens under shifts and a crop", buildConsistency},
	"token-knn":         {"token-knn(k=5,memory=2000,tap=last): distance of patch tokens from clean ones (arXiv 1803.04765)", buildKNN},
	"mahalanobis":       {"mahalanobis(taps=all): distance of mean tokens, layer by layer (arXiv 1807.03888)", buildMahalanobis},
	"disagreement":      {"disagreement: two encoders find it similar to different clean pictures", buildDisagreement},
}

// Entry describes a registered detector.
type Entry struct {
	Name string
	Doc  string
}

// List returns the registered detectors by name.
func List() []Entry {
	var out []Entry
	for name, e := range registry {
		out = append(out, Entry{name, e.doc})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Parse builds one detector from an expression such as token-knn(k=3) or feature-squeezing(bitdepth(5),median(2)). Taps are
// last (the last block), all (stem and every block) or names joined by +.
func Parse(ctx context.Context, text string, r Resources) (*Detector, error) {
	calls, err := expr.Parse(text)
	if err == nil && len(calls) != 1 {
		err = errors.New("one detector at a time")
	}
	if err != nil {
		return nil, fmt.Errorf("detect: in %q: %w", expr.Short(text), err)
	}
	e, ok := registry[calls[0].Name]
	if !ok {
		var names []string
		for _, e := range List() {
			names = append(names, e.Name)
		}
		return nil, fmt.Errorf("detect: %q is unknown (known: %s)", calls[0].Name, strings.Join(names, ", "))
	}
	if r.Encoder == nil {
		return nil, errors.New("detect: no encoder (Resources.Encoder)")
	}
	a := expr.NewArgs(calls[0])
	d, err := e.build(ctx, a, r)
	if aerr := a.Finish(); aerr != nil {
		return nil, fmt.Errorf("detect: %w", aerr)
	}
	return d, err
}

// taps reads a list of taps of e.
func taps(text string, e encoder.Encoder) []encoder.Tap {
	layers := e.Spec().Layers()
	switch text {
	case "last":
		return layers[len(layers)-1:]
	case "all":
		return layers
	}
	var out []encoder.Tap
	for _, t := range strings.Split(text, "+") {
		out = append(out, encoder.Tap(strings.TrimSpace(t)))
	}
	return out
}

func join(taps []encoder.Tap) string {
	names := make([]string, len(taps))
	for i, t := range taps {
		names[i] = string(t)
	}
	return strings.Join(names, "+")
}

func buildSqueezing(_ context.Context, a *expr.Args, r Resources) (*Detector, error) {
	list := a.Rest()
	if len(list) == 0 {
		list = []string{"bitdepth(5)", "median(2)"}
	}
	var squeezers []defense.Defense
	for _, text := range list {
		d, err := defense.Parse(text, defense.Resources{Clean: r.Clean, Classes: r.Classes})
		if err != nil {
			return nil, fmt.Errorf("detect: feature-squeezing: %w", err)
		}
		squeezers = append(squeezers, d)
	}
	return FeatureSqueezing(r.Encoder, squeezers, r.Classes, defense.Stream{Seed: r.Seed})
}

func buildDrift(_ context.Context, a *expr.Args, r Resources) (*Detector, error) {
	return NoiseDrift(r.Encoder, a.Number("eps", 4.0/255), a.Integer("draws", 3), r.Seed)
}

func buildConsistency(ctx context.Context, a *expr.Args, r Resources) (*Detector, error) {
	pixels := a.Integer("pixels", 3)
	return TokenConsistency(ctx, r.Encoder, taps(a.Text("tap", "last"), r.Encoder)[0], pixels)
}

func buildKNN(ctx context.Context, a *expr.Args, r Resources) (*Detector, error) {
	k, memory := a.Integer("k", 5), a.Integer("memory", 2000)
	return TokenKNN(ctx, r.Encoder, taps(a.Text("tap", "last"), r.Encoder)[0], r.Clean, k, memory)
}

func buildMahalanobis(ctx context.Context, a *expr.Args, r Resources) (*Detector, error) {
	return Mahalanobis(ctx, r.Encoder, taps(a.Text("taps", "all"), r.Encoder), r.Clean, r.Labels)
}

func buildDisagreement(ctx context.Context, _ *expr.Args, r Resources) (*Detector, error) {
	if r.Second == nil {
		return nil, errors.New("detect: disagreement: no second encoder (Resources.Second)")
	}
	return Disagreement(ctx, r.Encoder, r.Second, r.Clean)
}
