package defense_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/audit"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

// says is a system with a fixed answer.
func says(label string, confidence float64) defense.System {
	return func(context.Context, *tensor.Dense) (defense.Opinion, error) {
		return defense.Opinion{Label: label, Confidence: defense.Number(confidence)}, nil
	}
}

func fails(context.Context, *tensor.Dense) (defense.Opinion, error) {
	return defense.Opinion{}, errors.New("out of order")
}

// fixed is a detector with a score that the test sets.
type fixed struct {
	score float64
	err   error
}

func (f *fixed) String() string { return "fixed" }
func (f *fixed) Scores(_ context.Context, images []*tensor.Dense) ([]float64, error) {
	return []float64{f.score}, f.err
}

func inspect(t *testing.T, c defense.MonitorConfig) defense.Decision {
	t.Helper()
	m, err := defense.NewMonitor(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.Inspect(t.Context(), defense.Item{ID: "a.png", Image: defensetest.Picture(8, 8, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMonitorDecides(t *testing.T) {
	rule := func(s float64, err error) []defense.Rule {
		return []defense.Rule{{Detector: &fixed{s, err}, Person: 1, Stop: 2}}
	}
	never := []defense.Rule{{Detector: &fixed{score: 1e9}, Person: math.Inf(1), Stop: math.Inf(1)}}
	ok := says("good", 0.9)
	for name, c := range map[string]struct {
		cfg    defense.MonitorConfig
		want   defense.Action
		reason string
	}{
		"all well":             {defense.MonitorConfig{System: ok, Second: says("good", 0.5), Disagree: defense.Person, Confidence: 0.8, Rules: rule(1, nil)}, defense.Pass, ""},
		"second disagrees":     {defense.MonitorConfig{System: ok, Second: says("bad", 0.9), Disagree: defense.Person}, defense.Person, `says "bad"`},
		"second stops":         {defense.MonitorConfig{System: ok, Second: says("bad", 0.9), Disagree: defense.Stop}, defense.Stop, `says "bad"`},
		"disagreement allowed": {defense.MonitorConfig{System: ok, Second: says("bad", 0.9)}, defense.Pass, ""},
		"second fails":         {defense.MonitorConfig{System: ok, Second: fails}, defense.Person, "out of order"},
		"system fails":         {defense.MonitorConfig{System: fails}, defense.Person, "out of order"},
		"unsure":               {defense.MonitorConfig{System: says("good", 0.7), Confidence: 0.8}, defense.Person, "confidence 0.7"},
		"no confidence":        {defense.MonitorConfig{System: says("good", math.NaN())}, defense.Person, "confidence NaN"},
		"suspicious":           {defense.MonitorConfig{System: ok, Rules: rule(1.5, nil)}, defense.Person, "above 1"},
		"very suspicious":      {defense.MonitorConfig{System: ok, Rules: rule(2.5, nil)}, defense.Stop, "above 2"},
		"detector fails":       {defense.MonitorConfig{System: ok, Rules: rule(0, errors.New("broken"))}, defense.Person, "broken"},
		"score is no number":   {defense.MonitorConfig{System: ok, Rules: rule(math.NaN(), nil)}, defense.Person, "not a number"},
		"never":                {defense.MonitorConfig{System: ok, Rules: never}, defense.Pass, ""},
	} {
		d := inspect(t, c.cfg)
		if d.Action != c.want || !strings.Contains(strings.Join(d.Reasons, "; "), c.reason) || (c.want == defense.Pass) != (len(d.Reasons) == 0) {
			t.Errorf("%s: %v for %v", name, d.Action, d.Reasons)
		}
	}
}

func TestMonitorLogsEveryDecision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(path, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	det := &fixed{score: math.NaN()}
	m, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 0.9), Log: log, Latch: true,
		Rules: []defense.Rule{{Detector: det, Person: 1, Stop: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	item := defense.Item{ID: "x", Image: defensetest.Picture(8, 8, 1)}
	var got []defense.Action
	for _, s := range []float64{math.NaN(), 3, 0} {
		det.score = s
		d, err := m.Inspect(t.Context(), item)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.Action)
	}
	if err := m.Release(""); err == nil {
		t.Error("released by nobody")
	}
	if err := m.Release("A. Turner"); err != nil {
		t.Fatal(err)
	}
	d, err := m.Inspect(t.Context(), item)
	if err != nil {
		t.Fatal(err)
	}
	if got = append(got, d.Action); got[0] != defense.Person || got[1] != defense.Stop || got[2] != defense.Stop || got[3] != defense.Pass {
		t.Errorf("actions %v", got)
	}
	log.Close()
	if r, err := audit.Verify(path, audit.VerifyOptions{}); err != nil || !r.OK() || r.Head.Lines != 6 {
		t.Errorf("log: %+v, error %v", r, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"score":"NaN"`, `"action":"stop"`, `"released":"A. Turner"`, d.Image} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if d, err := m.Inspect(t.Context(), item); err == nil || d.Action != defense.Stop {
		t.Errorf("a decision that cannot be logged: %v, error %v", d.Action, err)
	}
}

func TestRateAlarm(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	det := &fixed{}
	m, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 1), Now: func() time.Time { return now },
		Rules: []defense.Rule{{Detector: det, Person: 1, Stop: 100}},
		Rates: []defense.RateAlarm{{Name: "many held", At: defense.Person, Window: time.Minute, Least: 4, Limit: 0.5, Then: defense.Stop}}})
	if err != nil {
		t.Fatal(err)
	}
	step := func(score float64, later time.Duration) defense.Action {
		now = now.Add(later)
		det.score = score
		d, err := m.Inspect(t.Context(), defense.Item{ID: "x", Image: defensetest.Picture(4, 4, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return d.Action
	}
	for i, c := range []struct {
		score float64
		later time.Duration
		want  defense.Action
	}{
		{5, 0, defense.Person}, {5, time.Second, defense.Person}, {5, time.Second, defense.Person}, // too few pictures
		{0, time.Second, defense.Stop},        // 3 of 4 held
		{0, time.Second, defense.Stop},        // 3 of 5
		{0, time.Second, defense.Pass},        // 3 of 6 is not more than half
		{5, time.Second, defense.Stop},        // 4 of 7
		{0, 2 * time.Minute, defense.Pass},    // all of that is past
		{5, time.Second, defense.Person},      // 1 of 2
		{5, 30 * time.Second, defense.Person}, // 2 of 3: too few
		{5, time.Second, defense.Stop},        // 3 of 4
	} {
		if got := step(c.score, c.later); got != c.want {
			t.Errorf("picture %d: %v, want %v", i, got, c.want)
		}
	}
}

func TestGuardedMiddleware(t *testing.T) {
	det := &fixed{}
	m, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 1), Rules: []defense.Rule{{Detector: det, Person: 1, Stop: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	h := defense.Guarded(m, func(_ context.Context, it defense.Item, d defense.Decision) (string, error) {
		calls++
		return d.Opinion.Label + " " + it.ID, nil
	})
	item := defense.Item{ID: "x", Image: defensetest.Picture(4, 4, 1)}
	if got, err := h(t.Context(), item); err != nil || got != "good x" {
		t.Errorf("%q, error %v", got, err)
	}
	det.score = 1.5
	var held *defense.HeldError
	if _, err := h(t.Context(), item); !errors.As(err, &held) || held.Decision.Action != defense.Person || calls != 1 {
		t.Errorf("held: %v after %d calls", err, calls)
	}
	if _, err := h(t.Context(), defense.Item{ID: "none"}); err == nil || errors.As(err, &held) {
		t.Errorf("no picture: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h(ctx, item); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMonitorIsConcurrent(t *testing.T) {
	m, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 1),
		Rates: []defense.RateAlarm{{Name: "r", At: defense.Person, Window: time.Hour, Least: 1, Limit: 0.5, Then: defense.Stop}}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				if d, err := m.Inspect(t.Context(), defense.Item{ID: "x", Image: defensetest.Picture(4, 4, 1)}); err != nil || d.Action != defense.Pass {
					t.Error(d.Action, err)
				}
			}
		}()
	}
	wg.Wait()
}

func TestMonitorErrors(t *testing.T) {
	ok := says("good", 1)
	alarm := defense.RateAlarm{Name: "r", At: defense.Person, Window: time.Hour, Least: 1, Limit: 0.5}
	bad := alarm
	bad.Window = 0
	for i, c := range []defense.MonitorConfig{{}, {System: ok, Disagree: 7}, {System: ok, Confidence: math.NaN()},
		{System: ok, Rules: []defense.Rule{{}}}, {System: ok, Rules: []defense.Rule{{Detector: &fixed{}, Person: math.NaN()}}},
		{System: ok, Rates: []defense.RateAlarm{bad}}} {
		if _, err := defense.NewMonitor(c); err == nil {
			t.Errorf("configuration %d accepted", i)
		}
	}
}

func TestDecisionRoundTrip(t *testing.T) {
	d := defense.Decision{ID: "a", Action: defense.Stop, Reasons: []string{"r"}, Scores: []defense.Score{{Detector: "d", Score: defense.Number(math.Inf(1))}}}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again defense.Decision
	if err := json.Unmarshal(b, &again); err != nil || again.Action != defense.Stop || !math.IsInf(float64(again.Scores[0].Score), 1) {
		t.Errorf("%s becomes %+v (%v)", b, again, err)
	}
	if err := json.Unmarshal([]byte(`{"action":"go"}`), &again); err == nil {
		t.Error("an unknown action is read")
	}
}

func TestThreshold(t *testing.T) {
	clean := []float64{5, 1, 4, 2, 3, 6, 7, 8, 9, 10}
	for fpr, want := range map[float64]float64{0: 10, 0.05: 10, 0.1: 9, 0.3: 7, 1: math.Inf(-1)} {
		got, err := defense.Threshold(clean, fpr)
		if err != nil || got != want {
			t.Errorf("at %g: %g, error %v; want %g", fpr, got, err, want)
		}
		above := 0
		for _, s := range clean {
			if s > got {
				above++
			}
		}
		if float64(above) > fpr*10+1e-9 {
			t.Errorf("at %g: %d of 10 above", fpr, above)
		}
	}
	for _, bad := range [][]float64{nil, {1, math.NaN()}} {
		if _, err := defense.Threshold(bad, 0.1); err == nil {
			t.Errorf("%v accepted", bad)
		}
	}
}

// A picture that could not be read is held, counted for the rates and logged like any other.
func TestMonitorRefuses(t *testing.T) {
	log, err := audit.Open(filepath.Join(t.TempDir(), "log"), audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 1), Log: log,
		Rates: []defense.RateAlarm{{Name: "held", At: defense.Person, Window: time.Minute, Least: 2, Limit: 0.5, Then: defense.Stop}}})
	if err != nil {
		t.Fatal(err)
	}
	for want := defense.Person; want <= defense.Stop; want++ {
		d, err := m.Refuse("a.png", errors.New("cut short"))
		if err != nil || d.Action != want || !strings.Contains(d.Reasons[0], "cut short") {
			t.Errorf("%+v, error %v; want %v", d, err, want)
		}
	}
	if head := log.Head(); head.Lines != 4 { // the first line, two decisions, an alarm
		t.Errorf("%d lines", head.Lines)
	}
	log.Close()
	if d, err := m.Refuse("b.png", errors.New("cut short")); err == nil || d.Action != defense.Stop {
		t.Errorf("with a closed log: %+v, error %v", d, err)
	}
}

func TestMonitorStartsStopped(t *testing.T) {
	if d := inspect(t, defense.MonitorConfig{System: says("good", 1), Latch: true, Stopped: true}); d.Action != defense.Stop {
		t.Errorf("%+v", d)
	}
	if _, err := defense.NewMonitor(defense.MonitorConfig{System: says("good", 1), Stopped: true}); err == nil {
		t.Error("stopped without a latch")
	}
}
