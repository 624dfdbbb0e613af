package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/models"
)

// checkFlags are the flags of check. Those that change the claim go into the configuration.
type checkFlags struct {
	config, out, baseline, shard, lang, saveHeads string
	workers                                       int
	resume                                        bool
	systems, promptArgs                           []string
	text                                          textConfig
	set                                           config // values of flags that were given
}

func newCheck() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [--config FILE | flags]",
		Short: "Attack an encoder, replay the images on the systems that use it, and report",
		Long: `Check crafts adversarial images from the encoder alone, saves them as 8-bit PNG, reads the files back, asks
every system about each, and writes report.html, report.json, report.md, report.junit.xml, report.sarif
and the pictures into a folder. Without arguments it uses the embedded encoder and twelve embedded
photographs of magnetic tiles, with a zero-shot inspector.

A configuration file (YAML) holds encoder, data, heads, further encoders, whole systems, attacks, eps, steps,
seed and gates; flags override it.
An attack called white-box, or white-box(ATTACK) with any attack on labels, goes against every system on its
own, through the system's gradient: the upper bound beside attacks that know the encoder alone. It starts from
their images where these do more harm than a random start.
The exit code is 1 when a gate fails or cannot be decided, and 3 when a head that was asked for could not be made
or judged: the report names it and judges the others. An interrupted run continues with --resume.
--shard i/n does every n-th image; "plumbline report merge" joins the parts.

--defense puts a defence before the system ("jpeg(75)", "tv+median(3)"; "all" for every one) or a guard on its
scores ("round(2)", "softmax+round(1)") and attacks it with knowledge of it: along its own gradient and with the
identity in its place, averaged over draws where it is random, through the system's head, from a robust encoder,
and by asking for scores or for labels alone. The worst per image counts. "adversity" in the configuration says
how hard.`,
		Example: `  plumbline check
  plumbline check --encoder clip.onnx --labels labels.json --text prompts.npy --images val/ --attack prm --eps 4/255,8/255
  plumbline check --config plumbline.yaml --baseline baseline.json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return check(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file")
	fl.StringVar(&f.set.Encoder, "encoder", "", "ONNX file or embedded model (default inspect-tiny)")
	fl.StringVar(&f.set.Data.Path, "images", "", "folder of pictures, one folder per class, or surfaces:N for N drawn ones (default twelve tiles)")
	fl.StringVar(&f.set.Data.Path, "data", "", "the same as --images")
	fl.StringVar(&f.set.Data.Layout, "layout", "", "layout of the data: folder, pairs, mvtec, voc, coco, vqa, csv, jsonl, neu-det, magnetic-tile")
	fl.StringVar(&f.set.Labels, "labels", "", "prompts and classes of the zero-shot head, JSON")
	fl.StringVar(&f.set.Text, "text", "", "text embeddings of the prompts, .npy")
	fl.StringVar(&f.text.Encoder, "text-encoder", "", "text encoder in ONNX that makes the prompts' embeddings")
	fl.StringVar(&f.text.Tokenizer, "tokenizer", "", "its tokenizer.json (BPE, Unigram, WordLevel) or vocab.json,merges.txt")
	fl.StringArrayVar(&f.promptArgs, "prompt", nil, "CLASS=SENTENCE, may be repeated; several for a class are averaged")
	fl.StringVar(&f.text.Template, "template", "", "sentence for classes without prompts (default \"a photo of {}\")")
	fl.StringArrayVar(&f.systems, "system", nil, "whole system to judge: ONNX file, URL, or command; may be repeated")
	fl.StringArrayVar(&f.set.Attacks, "attack", nil, "attacks, separated by commas or repeated (default noise,embedding,prm)")
	fl.StringArrayVar(&f.set.Eps, "eps", nil, "largest changes of a colour value (default 8/255)")
	fl.StringArrayVar(&f.set.Gates, "gate", nil, "condition that must hold, may be repeated")
	fl.IntVar(&f.set.Steps, "steps", 0, "steps of the attacks (0: their own defaults)")
	fl.Uint64Var(&f.set.Seed, "seed", 0, "seed of everything random")
	fl.StringArrayVar(&f.set.Defenses, "defense", nil, "defences to put before the system and attack with knowledge of them; all for every one")
	fl.StringVar(&f.out, "out", "plumbline-report", "folder for the report")
	fl.StringVar(&f.baseline, "baseline", "", "earlier report.json to compare with")
	fl.StringVar(&f.shard, "shard", "", "i/n: only every n-th image, from the i-th")
	fl.StringVar(&f.set.Heads.Files, "heads", "", "folder of trained heads that stand on the encoder as well, or the embedded model that they come with")
	fl.StringVar(&f.saveHeads, "save-heads", "", "folder to save the heads in that the configuration trains")
	fl.StringVar(&f.lang, "lang", "en", "language first shown in the HTML: en or ja")
	fl.IntVar(&f.workers, "workers", 0, "images at once (0: all processors); changes no result")
	fl.BoolVar(&f.resume, "resume", false, "continue an interrupted run")
	return c
}

// merge puts the flags that were given over the configuration file's values.
func (f checkFlags) merge(c *cobra.Command) (config, error) {
	cfg := defaults()
	if f.config != "" {
		var err error
		if cfg, err = readConfig(f.config); err != nil {
			return cfg, err
		}
	}
	given := c.Flags().Changed
	if given("encoder") {
		cfg.Encoder = f.set.Encoder
	}
	if given("images") && given("data") {
		return cfg, usagef("--images and --data are the same: give one")
	}
	if given("images") || given("data") {
		if cfg.Heads.Train != nil && cfg.Heads.Train.Path == cfg.Data.Path {
			cfg.Heads.Train.Path = f.set.Data.Path
		}
		if f.config == "" {
			cfg.Data = dataConfig{}
		}
		cfg.Data.Path = f.set.Data.Path
	}
	if given("layout") {
		cfg.Data.Layout = f.set.Data.Layout
	}
	if given("labels") {
		cfg.Labels = f.set.Labels
	}
	if given("text") {
		cfg.Text = f.set.Text
	}
	if given("heads") {
		cfg.Heads = headsConfig{Files: f.set.Heads.Files}
	}
	if given("text-encoder") || given("tokenizer") || given("prompt") || given("template") {
		if err := f.mergeText(c, &cfg); err != nil {
			return cfg, err
		}
	}
	for _, s := range f.systems {
		cfg.Systems = append(cfg.Systems, parseSystem(s))
	}
	if given("attack") {
		cfg.Attacks = splitList(f.set.Attacks)
	}
	if given("eps") {
		cfg.Eps = splitList(f.set.Eps)
	}
	if given("defense") {
		cfg.Defenses = splitList(f.set.Defenses)
	}
	if given("gate") {
		cfg.Gates = f.set.Gates
	}
	if given("steps") {
		cfg.Steps = f.set.Steps
	}
	if given("seed") {
		cfg.Seed = f.set.Seed
	}
	return cfg, nil
}

// mergeText puts the flags about prompts over the configuration's.
func (f checkFlags) mergeText(c *cobra.Command, cfg *config) error {
	t := f.text
	if old := cfg.TextEncoder; old != nil {
		t = *old
		for name, to := range map[string]*string{"text-encoder": &t.Encoder, "tokenizer": &t.Tokenizer, "template": &t.Template} {
			if c.Flags().Changed(name) {
				*to = c.Flag(name).Value.String()
			}
		}
		if c.Flags().Changed("template") || f.promptArgs != nil {
			t.Prompts = nil
		}
	}
	for _, arg := range f.promptArgs {
		if err := t.addPrompt(arg); err != nil {
			return err
		}
	}
	cfg.TextEncoder = &t
	return nil
}

func check(c *cobra.Command, f checkFlags) error {
	cfg, err := f.merge(c)
	if err != nil {
		return err
	}
	gates, err := cfg.gates()
	if err != nil {
		return err
	}
	lang, err := parseLang(f.lang)
	if err != nil {
		return err
	}
	plan, err := newPlan(c.Context(), cfg, f.shard, f.saveHeads)
	if err != nil {
		return err
	}
	plan.Workers = f.workers
	var baseline *report.Report
	if f.baseline != "" {
		if baseline, err = report.ReadFile(f.baseline); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	started := time.Now()
	journal, err := runPlan(c.Context(), c.ErrOrStderr(), plan, f)
	if err != nil {
		return err
	}
	r, run, err := eval.Assemble(gates, baseline, journal)
	if err != nil {
		return err
	}
	eval.Finish(run, started, machine())
	if err := writeAll(f.out, r, run, lang); err != nil {
		return err
	}
	printSummary(c.OutOrStdout(), r, run)
	fmt.Fprintf(c.OutOrStdout(), "\nreport: %s\n", filepath.Join(f.out, "report.html"))
	return errors.Join(gateError(r), missing(r))
}

// errMissing says that a system which was asked for is not in the report.
var errMissing = errors.New("the report is written, but without")

// missing names the systems that could not be made.
func missing(r *report.Report) error {
	var names []string
	for _, f := range r.Flags {
		if f.Code == report.NotMade {
			names = append(names, f.Text.Args[0])
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w %s", errMissing, strings.Join(names, ", "))
}

func runPlan(ctx context.Context, stderr io.Writer, plan *eval.Plan, f checkFlags) (*eval.Journal, error) {
	show, end := newProgress(stderr, "check")
	defer end()
	plan.Progress = func(p eval.Progress) { show(p.Done, p.Total) }
	return eval.Run(ctx, plan, f.out, f.resume)
}

// newPlan opens everything that the configuration names.
func newPlan(ctx context.Context, cfg config, shard, save string) (*eval.Plan, error) {
	attempts, err := cfg.attempts()
	if err != nil {
		return nil, err
	}
	text, err := cfg.yaml()
	if err != nil {
		return nil, err
	}
	data, err := cfg.Data.open()
	if err != nil {
		return nil, err
	}
	first, groups, flags, err := cfg.groups(ctx, data, save)
	if err != nil {
		return nil, err
	}
	if err := cfg.inform(ctx, first.enc, data, attempts); err != nil {
		return nil, err
	}
	plan := &eval.Plan{Title: cfg.Title, Tool: "plumbline " + version(), Arithmetic: arithmetic(), Encoder: first.enc, Artifact: first.artifact,
		Data: data, Groups: groups, Attempts: attempts, Seed: cfg.Seed, Config: text, Flags: flags}
	if plan.Title == "" {
		plan.Title = fmt.Sprintf("%s on %s", first.enc.Spec().Name, data.Name)
	}
	if err := cfg.addWhiteBox(plan); err != nil {
		return nil, err
	}
	if err := cfg.defend(ctx, plan, first); err != nil {
		return nil, err
	}
	plan.Shard, plan.Shards, err = parseShard(shard)
	return plan, err
}

// overruled is the flag of a configured preprocessing that contradicts what the model's file says.
func overruled(what, model string, enc *encoder.Model) ([]report.Flag, error) {
	var file *encoder.Preprocess
	switch {
	case exists(model):
		var err error
		if file, err = encoder.AdjacentPreprocess(model); err != nil {
			return nil, err
		}
	case slices.Contains(models.Names(), model):
		m, err := models.Open(model)
		if err != nil {
			return nil, err
		}
		file = &m.Card.Preprocess
	}
	if file != nil && file.Resize == [2]int{} && file.Crop == [2]int{} {
		file.Resize = enc.Spec().ImageSize
	}
	return eval.Overruled(what, enc.Spec().Preproc, file), nil
}

// openConfigured opens the encoder with the configuration's preprocessing, if it has one.
func openConfigured(cfg config) (*encoder.Model, report.Artifact, error) {
	if cfg.Preprocess == nil {
		return openEncoder(cfg.Encoder)
	}
	p := *cfg.Preprocess
	if p.Source == "" {
		p.Source = "configuration"
	}
	return openEncoder(cfg.Encoder, encoder.WithPreprocess(p))
}

func parseShard(text string) (shard, shards int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	a, b, ok := strings.Cut(text, "/")
	shard, errA := strconv.Atoi(a)
	shards, errB := strconv.Atoi(b)
	if !ok || errA != nil || errB != nil || shards < 1 || shard < 1 || shard > shards {
		return 0, 0, usagef("--shard %q: want i/n with 1 ≤ i ≤ n", text)
	}
	return shard, shards, nil
}

func parseLang(text string) (report.Lang, error) {
	for _, l := range report.Languages {
		if text == string(l) {
			return l, nil
		}
	}
	return "", usagef("--lang %q: want en or ja", text)
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d threads", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}

// gateError is errGate unless every gate passed.
func gateError(r *report.Report) error {
	for _, g := range r.Gates {
		if g.Status != report.Passed {
			return errGate
		}
	}
	return nil
}
