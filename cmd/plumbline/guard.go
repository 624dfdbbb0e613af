package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/audit"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// guardFlags are the flags of guard.
type guardFlags struct {
	config, images, log, keyFile, release string
	set                                   guardConfig // values of flags that were given
	fpr                                   float64
	detectors                             []string
}

func newGuard() *cobra.Command {
	var f guardFlags
	c := &cobra.Command{
		Use:   "guard [--config FILE | flags] --images DIR|-",
		Short: "Watch an inspection line: pass a picture, send it to a person, or stop",
		Long: `Guard asks a zero-shot inspector (or a saved head) about every picture of a folder, or about the files whose
paths come on standard input, one a line, with --images -. It compares with a second system, applies detectors
whose thresholds are taken from clean pictures, watches how often pictures are held, and prints one JSON line per
picture: pass, person or stop, and why. A picture that cannot be read goes to a person.

With --log every decision is in a hash-chained audit log, on the disk, before it is printed; "plumbline audit
verify" checks that log later. With "latch: true" in the configuration a stop holds, also over a restart, until
--release NAME says who released the line.

The exit code is 0 when every picture passed and 1 when one was held.`,
		Example: `  plumbline guard --encoder inspect-tiny --clean good/ --detector token-consistency --fpr 0.01 --images today/ --log line3.audit
  find today/ -name '*.png' | plumbline guard --config guard.yaml --images - --log line3.audit`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return runGuard(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file")
	fl.StringVar(&f.images, "images", "", "folder of pictures, or - for paths on standard input")
	fl.StringVar(&f.set.Encoder, "encoder", "", "ONNX file or embedded model (default inspect-tiny)")
	fl.StringVar(&f.set.Labels, "labels", "", "prompts of the zero-shot inspector, JSON")
	fl.StringVar(&f.set.Text, "text", "", "text embeddings of the prompts, .npy")
	fl.StringVar(&f.set.Head, "head", "", "saved classification head instead of the prompts")
	fl.Float64Var(&f.set.Confidence, "confidence", 0, "answers less confident than this go to a person, 0 to 1")
	fl.StringVar(&f.set.Clean, "clean", "", "folder of clean pictures that detectors learn from")
	fl.StringArrayVar(&f.detectors, "detector", nil, "detector with optional parameters, may be repeated")
	fl.Float64Var(&f.fpr, "fpr", 0.01, "share of clean pictures that a detector may send to a person")
	fl.StringVar(&f.log, "log", "", "audit log to append to")
	fl.StringVar(&f.keyFile, "key-file", "", "file with the secret of the audit log")
	fl.StringVar(&f.release, "release", "", "who releases a line that an earlier run stopped")
	return c
}

// merge puts the flags that were given over the configuration file's values.
func (f guardFlags) merge(c *cobra.Command) (guardConfig, error) {
	cfg := guardConfig{guardSystem: guardSystem{Encoder: "inspect-tiny"}}
	if f.config != "" {
		var err error
		if cfg, err = readGuardConfig(f.config); err != nil {
			return cfg, err
		}
	}
	for name, v := range map[string][2]*string{"encoder": {&cfg.Encoder, &f.set.Encoder}, "labels": {&cfg.Labels, &f.set.Labels},
		"text": {&cfg.Text, &f.set.Text}, "head": {&cfg.Head, &f.set.Head}, "clean": {&cfg.Clean, &f.set.Clean}} {
		if c.Flags().Changed(name) {
			*v[0] = *v[1]
		}
	}
	if c.Flags().Changed("confidence") {
		cfg.Confidence = f.set.Confidence
	}
	for _, d := range f.detectors {
		cfg.Detectors = append(cfg.Detectors, guardDetector{Detector: d, PersonFPR: &f.fpr})
	}
	return cfg, cfg.validate()
}

func runGuard(c *cobra.Command, f guardFlags) (err error) {
	if f.images == "" {
		return usagef("--images is required: a folder, or - for paths on standard input")
	}
	cfg, err := f.merge(c)
	if err != nil {
		return err
	}
	mc, err := cfg.monitor(c.Context())
	if err != nil {
		return err
	}
	if mc.Log, err = openAudit(f); err != nil {
		return err
	}
	if mc.Log != nil {
		defer func() { err = errors.Join(err, mc.Log.Close()) }()
		if mc.Latch {
			if mc.Stopped, err = stoppedBefore(f); err != nil {
				return err
			}
		}
	}
	m, err := defense.NewMonitor(mc)
	if err != nil {
		return err
	}
	if f.release != "" {
		if err := m.Release(f.release); err != nil {
			return err
		}
	}
	g := guardRun{monitor: m, out: json.NewEncoder(c.OutOrStdout())}
	if f.images == "-" {
		err = g.paths(c.Context(), c.InOrStdin())
	} else {
		err = g.folder(c.Context(), f.images)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%d passed, %d to a person, %d stopped\n", g.count[defense.Pass], g.count[defense.Person], g.count[defense.Stop])
	if err == nil && g.count[defense.Person]+g.count[defense.Stop] > 0 {
		return errGate
	}
	return err
}

func openAudit(f guardFlags) (*audit.Log, error) {
	key, err := readKey(f.keyFile)
	if err != nil || f.log == "" {
		return nil, err
	}
	return audit.Open(f.log, audit.Options{Key: key})
}

// stoppedBefore reports whether the log's last word is a stop that nobody released.
func stoppedBefore(f guardFlags) (stopped bool, err error) {
	key, err := readKey(f.keyFile)
	if err != nil {
		return false, err
	}
	for l, err := range audit.Lines(f.log, key) {
		if err != nil {
			return false, err
		}
		var e struct {
			Decision *struct {
				Action defense.Action `json:"action"`
			} `json:"decision"`
			Released *string `json:"released"`
		}
		if json.Unmarshal(l.Event, &e) != nil {
			continue // an event of another program
		}
		switch {
		case e.Released != nil:
			stopped = false
		case e.Decision != nil && e.Decision.Action == defense.Stop:
			stopped = true
		}
	}
	return stopped, nil
}

// guardRun inspects pictures and prints the decisions.
type guardRun struct {
	monitor *defense.Monitor
	out     *json.Encoder
	count   [defense.Stop + 1]int
}

// folder inspects every picture below a folder, in order of path.
func (g *guardRun) folder(ctx context.Context, root string) error {
	d, err := dataset.Flat(root)
	if err != nil {
		return err
	}
	for _, s := range d.Samples {
		if err := g.file(ctx, s.ID, filepath.Join(root, filepath.FromSlash(s.ID))); err != nil {
			return err
		}
	}
	return nil
}

// maxPath bounds a line of standard input.
const maxPath = 1 << 16

// paths inspects the files named on the lines of r as they come.
func (g *guardRun) paths(ctx context.Context, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPath)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		if err := g.file(ctx, lines.Text(), lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

// file decides about one picture. An error means that the line can no longer be watched: the context's end or a log that
// fails.
func (g *guardRun) file(ctx context.Context, id, path string) error {
	d, err := g.decide(ctx, id, path)
	if err != nil {
		return err
	}
	g.count[d.Action]++
	return g.out.Encode(d)
}

func (g *guardRun) decide(ctx context.Context, id, path string) (defense.Decision, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return g.monitor.Refuse(id, errors.New("not a regular file"))
	}
	p, err := dataset.ReadImage(path)
	if err != nil {
		return g.monitor.Refuse(id, err)
	}
	return g.monitor.Inspect(ctx, defense.Item{ID: id, Image: dataset.Planar(p)})
}
