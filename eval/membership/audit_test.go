package membership_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/plumbline-ml/plumbline/eval/membership"
)

// gaussian is a model of two classes whose confidence on an example is normal with variance 1 around the example's own
// difficulty, and gain higher on members: what LiRA assumes, so that the attacks' power is known in closed form.
type gaussian struct {
	difficulty []float64
	member     map[int]bool
	gain       float64
	seed       uint64
}

func (g gaussian) Logits(example, view int) ([]float64, error) {
	rng := rand.New(rand.NewPCG(g.seed, uint64(example)*16+uint64(view)))
	x := g.difficulty[example] + rng.NormFloat64()
	if g.member[example] {
		x += g.gain
	}
	return []float64{x, 0}, nil
}

// pool is n examples whose difficulties are normal with the standard deviation given, and a trainer on it.
func pool(n int, spread, gain float64) (membership.Config, membership.Train) {
	rng := rand.New(rand.NewPCG(1, 2))
	difficulty := make([]float64, n)
	for i := range difficulty {
		difficulty[i] = 1 + spread*rng.NormFloat64()
	}
	train := func(_ context.Context, examples []int, seed uint64) (membership.Model, error) {
		g := gaussian{difficulty, map[int]bool{}, gain, seed}
		for _, i := range examples {
			g.member[i] = true
		}
		return g, nil
	}
	return membership.Config{Labels: make([]int, n), Models: 32, Seed: 5}, train
}

func audit(t *testing.T, c membership.Config, train membership.Train) *membership.Report {
	t.Helper()
	r, err := membership.Audit(t.Context(), c, train)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// With known normal distributions at distance d the best attack has AUC Φ(d/√2); one that ignores the difficulty of the
// examples, of standard deviation s, has Φ(d/√(2(1+s²))).
func TestAttacksReachTheirClosedForms(t *testing.T) {
	const gain, spread = 2.0, 3.0
	c, train := pool(1000, spread, gain)
	r := audit(t, c, train)
	for attack, want := range map[string]float64{
		"lira-online":  distuv.UnitNormal.CDF(gain / math.Sqrt2),
		"lira-offline": distuv.UnitNormal.CDF(gain / math.Sqrt2),
		"threshold":    distuv.UnitNormal.CDF(gain / math.Sqrt(2*(1+spread*spread))),
	} {
		got := r.Row("none", attack).AUC
		// Medians of about 16 shadow models are off by a quarter of a standard deviation, which costs a little.
		if got.Mean > want+0.01 || got.Mean < want-0.03 {
			t.Errorf("%s: AUC %v, want %.3f", attack, got, want)
		}
	}
	// Of the best attack also the rate at few false positives: 1 − Φ(z₀.₉₉ − d).
	if got, want := r.Row("none", "lira-online").TPR1.Mean, 1-distuv.UnitNormal.CDF(distuv.UnitNormal.Quantile(0.99)-gain); math.Abs(got-want) > 0.12 {
		t.Errorf("TPR at 1 %% FPR is %.3f, want about %.3f", got, want)
	}
}

// More views of an example tell more: their noise averages out.
func TestViewsHelp(t *testing.T) {
	c, train := pool(300, 1, 1)
	one := audit(t, c, train)
	c.Views = 4
	four := audit(t, c, train)
	if a, b := one.Row("none", "lira-online").AUC.Mean, four.Row("none", "lira-online").AUC.Mean; b < a+0.1 {
		t.Errorf("AUC %.3f with one view, %.3f with four", a, b)
	}
}

// Models that learnt nothing by heart give nothing away, whatever the examples' difficulties.
func TestNoLeakNoAttack(t *testing.T) {
	c, train := pool(400, 3, 0)
	r := audit(t, c, train)
	for _, a := range r.Guards[0].Attacks {
		if math.Abs(a.AUC.Mean-0.5) > 0.02 || a.TPR1.Mean > 0.03 {
			t.Errorf("%s: AUC %v, TPR at 1 %% FPR %v", a.Attack, a.AUC, a.TPR1)
		}
	}
	if !strings.Contains(r.Findings[0], "no attack") {
		t.Errorf("findings %q", r.Findings)
	}
}

// Guards change what is shown of scores, never the label, so that attacks on labels see the same.
func TestGuardsTouchScoresOnly(t *testing.T) {
	c, train := pool(300, 1, 2)
	c.Views = 3
	c.Guards = []string{"round(3)", "round(1)", "topk(1)", "temperature(4)+softmax+round(1)"}
	r := audit(t, c, train)
	for _, g := range r.Guards[1:] {
		for _, attack := range []string{"gap", membership.LabelOnly} {
			if !reflect.DeepEqual(r.Row(g.Guard, attack), r.Row("none", attack)) {
				t.Errorf("%s changes %s", g.Guard, attack)
			}
		}
		if g.Moved <= r.Guards[0].Moved {
			t.Errorf("%s moves the scores by %v, none by %v", g.Guard, g.Moved, r.Guards[0].Moved)
		}
	}
	auc := func(guard string) float64 { return r.Row(guard, "lira-online").AUC.Mean }
	if !(auc("none") >= auc("round(3)") && auc("round(3)") > auc("round(1)")) {
		t.Errorf("AUC %.3f without a guard, %.3f at three digits, %.3f at one", auc("none"), auc("round(3)"), auc("round(1)"))
	}
	if r.Guards[0].Moved != 0 {
		t.Errorf("no guard moves the scores by %v", r.Guards[0].Moved)
	}
}

// Every example is a member of exactly half of the models, and the same seed gives the same report.
func TestHalves(t *testing.T) {
	c, train := pool(101, 1, 1)
	c.Models = 6
	count := make([]int, 101)
	counting := func(ctx context.Context, examples []int, seed uint64) (membership.Model, error) {
		for _, i := range examples {
			count[i]++
		}
		return train(ctx, examples, seed)
	}
	first := audit(t, c, counting)
	if slices.Min(count) != 3 || slices.Max(count) != 3 {
		t.Errorf("memberships from %d to %d", slices.Min(count), slices.Max(count))
	}
	if again := audit(t, c, train); !reflect.DeepEqual(first, again) {
		t.Error("the same seed gives another report")
	}
	c.Seed++
	if other := audit(t, c, train); reflect.DeepEqual(first, other) {
		t.Error("another seed gives the same report")
	}
}

func TestWrongAuditsAreRefused(t *testing.T) {
	good, train := pool(30, 1, 1)
	for name, c := range map[string]struct {
		change func(*membership.Config)
		names  string
	}{
		"few examples": {func(c *membership.Config) { c.Labels = c.Labels[:5] }, "5 examples"},
		"odd models":   {func(c *membership.Config) { c.Models = 7 }, "7 models"},
		"no class":     {func(c *membership.Config) { c.Labels = append(slices.Clone(c.Labels), -1) }, "example 30"},
		"large class":  {func(c *membership.Config) { c.Labels = append(slices.Clone(c.Labels[1:]), 2) }, "class 2"},
		"bad guard":    {func(c *membership.Config) { c.Guards = []string{"ruond(1)"} }, "ruond"},
		"views":        {func(c *membership.Config) { c.Views = -1 }, "-1 views"},
	} {
		cfg := good
		c.change(&cfg)
		if _, err := membership.Audit(t.Context(), cfg, train); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
	failing := func(context.Context, []int, uint64) (membership.Model, error) { return nil, errors.New("no memory") }
	if _, err := membership.Audit(t.Context(), good, failing); err == nil || !strings.Contains(err.Error(), "model 1") {
		t.Errorf("a trainer that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := membership.Audit(ctx, good, train); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReportIsReadable(t *testing.T) {
	c, train := pool(200, 1, 2)
	c.Models, c.Guards = 8, []string{"round(1)"}
	r := audit(t, c, train)
	r.Title = "A head"
	var md, svg bytes.Buffer
	if err := r.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteROC(&svg, r.Guards[1]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# A head", "| `round(1)` |", "lira-online", "100 non-members"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("%q is not in\n%s", want, md.String())
		}
	}
	if !strings.Contains(svg.String(), "<svg") || !strings.Contains(svg.String(), "label-only") || strings.Contains(svg.String(), "NaN") {
		t.Error("the curve is not drawn")
	}
}
