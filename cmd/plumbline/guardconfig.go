package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// guardConfig says what guard watches: the contents of guard.yaml, with flags on top.
type guardConfig struct {
	guardSystem `yaml:",inline"`
	Second      *guardSystem    `yaml:"second,omitempty"`
	Disagree    defense.Action  `yaml:"disagree,omitempty"` // when the second system says another label: pass, person, stop
	Confidence  float64         `yaml:"confidence,omitempty"`
	Clean       string          `yaml:"clean,omitempty"` // folder: every second picture builds the detectors, the others set their thresholds
	Detectors   []guardDetector `yaml:"detectors,omitempty"`
	Rates       []guardRate     `yaml:"rates,omitempty"`
	Latch       bool            `yaml:"latch,omitempty"`
	Seed        uint64          `yaml:"seed,omitempty"`
}

// guardDetector is a detector with its thresholds: the share of clean pictures that may exceed them, or the scores
// themselves. What is not given never happens.
type guardDetector struct {
	Detector  string   `yaml:"detector"`
	PersonFPR *float64 `yaml:"person_fpr,omitempty"`
	StopFPR   *float64 `yaml:"stop_fpr,omitempty"`
	Person    *float64 `yaml:"person,omitempty"`
	Stop      *float64 `yaml:"stop,omitempty"`
}

// guardRate is a [defense.RateAlarm].
type guardRate struct {
	Name   string         `yaml:"name"`
	At     defense.Action `yaml:"at"`
	Window time.Duration  `yaml:"window"`
	Least  int            `yaml:"least"`
	Limit  float64        `yaml:"limit"`
	Then   defense.Action `yaml:"then"`
}

// readGuardConfig reads a configuration and refuses unknown fields. Paths in it are relative to its folder.
func readGuardConfig(path string) (guardConfig, error) {
	c := guardConfig{guardSystem: guardSystem{Encoder: "inspect-tiny"}}
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := strictYAML(raw, &c); err != nil {
		return c, usagef("%s: %w", path, err)
	}
	dir := filepath.Dir(path)
	paths := append(c.paths(), &c.Clean)
	if c.Second != nil {
		paths = append(paths, c.Second.paths()...)
	}
	rebase(dir, paths...)
	return c, nil
}

func (c guardConfig) validate() error {
	if !(c.Confidence >= 0 && c.Confidence <= 1) {
		return usagef("confidence %v: want 0 to 1", c.Confidence)
	}
	for _, d := range c.Detectors {
		if err := d.validate(); err != nil {
			return err
		}
	}
	if len(c.Detectors) > 0 && c.Clean == "" {
		return usagef("detector %s learns what is usual from clean pictures: give --clean DIR", c.Detectors[0].Detector)
	}
	return nil
}

func (d guardDetector) validate() error {
	given := 0
	for _, v := range []*float64{d.PersonFPR, d.StopFPR, d.Person, d.Stop} {
		if v != nil {
			given++
		}
	}
	for _, v := range []*float64{d.PersonFPR, d.StopFPR} {
		if v != nil && !(*v >= 0 && *v <= 1) {
			return usagef("detector %s: a false-positive rate of %v: want 0 to 1", d.Detector, *v)
		}
	}
	switch {
	case d.Detector == "":
		return usagef("detectors: one has no expression")
	case given == 0:
		return usagef("detector %s: give person_fpr, stop_fpr, person or stop", d.Detector)
	case d.PersonFPR != nil && d.Person != nil, d.StopFPR != nil && d.Stop != nil:
		return usagef("detector %s: give a threshold as a rate or as a score, not both", d.Detector)
	}
	return nil
}

// monitor builds everything that the configuration names.
func (c guardConfig) monitor(ctx context.Context) (defense.MonitorConfig, error) {
	m := defense.MonitorConfig{Disagree: c.Disagree, Confidence: c.Confidence, Latch: c.Latch}
	enc, system, err := c.open()
	if err != nil {
		return m, err
	}
	m.System = system
	var second encoder.Encoder
	if c.Second != nil {
		if second, m.Second, err = c.Second.open(); err != nil {
			return m, fmt.Errorf("second: %w", err)
		}
		if err := sameAnswers(c.guardSystem, *c.Second); err != nil {
			return m, err
		}
	}
	for _, r := range c.Rates {
		m.Rates = append(m.Rates, defense.RateAlarm(r))
	}
	m.Rules, err = c.rules(ctx, detect.Resources{Encoder: enc, Second: second, Seed: c.Seed})
	return m, err
}

// rules builds the detectors on one half of the clean pictures and takes their thresholds from the other: a detector that
// remembers pictures finds those very ordinary.
func (c guardConfig) rules(ctx context.Context, r detect.Resources) ([]defense.Rule, error) {
	if len(c.Detectors) == 0 {
		return nil, nil
	}
	clean, err := cleanPictures(c.Clean)
	if err != nil {
		return nil, err
	}
	var rest []*tensor.Dense
	for i, p := range clean {
		if i%2 == 0 {
			r.Clean = append(r.Clean, p)
		} else {
			rest = append(rest, p)
		}
	}
	var out []defense.Rule
	for _, d := range c.Detectors {
		built, err := detect.Parse(ctx, d.Detector, r)
		if err != nil {
			return nil, usageError{err}
		}
		scores, err := built.Scores(ctx, rest)
		if err != nil {
			return nil, err
		}
		rule := defense.Rule{Detector: built}
		if rule.Person, err = threshold(scores, d.PersonFPR, d.Person); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Detector, err)
		}
		if rule.Stop, err = threshold(scores, d.StopFPR, d.Stop); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Detector, err)
		}
		out = append(out, rule)
	}
	return out, nil
}

func cleanPictures(root string) ([]*tensor.Dense, error) {
	samples, err := loadImages(root)
	if err != nil {
		return nil, err
	}
	if len(samples) < 2 {
		return nil, fmt.Errorf("%s: %d clean pictures: at least two are needed, and one in a false-positive rate for each threshold", root, len(samples))
	}
	out := make([]*tensor.Dense, len(samples))
	for i, s := range samples {
		out[i] = dataset.Planar(s.Pixels)
	}
	return out, nil
}

// threshold is the score given, the one that a share of the clean scores exceeds, or +Inf: never.
func threshold(clean []float64, fpr, score *float64) (float64, error) {
	switch {
	case score != nil:
		return *score, nil
	case fpr != nil:
		return defense.Threshold(clean, *fpr)
	}
	return math.Inf(1), nil
}
