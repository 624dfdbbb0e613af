package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// compareConfig says which attacks are compared on which pictures.
type compareConfig struct {
	Title   string         `yaml:"title"`
	Encoder string         `yaml:"encoder"`
	Data    dataConfig     `yaml:"data"`
	Inputs  inputConfig    `yaml:"inputs"`
	Seed    uint64         `yaml:"seed"`
	Groups  []compareGroup `yaml:"groups"`
}

// compareGroup is a list of attacks under one norm.
type compareGroup struct {
	Attacks  []string `yaml:"attacks"`
	Norm     string   `yaml:"norm"` // default linf
	Eps      []string `yaml:"eps"`
	PerClass int      `yaml:"per_class"` // pictures of each class; 0 for all
	Images   int      `yaml:"images"`    // at most so many of these; 0 for all

	Surrogates []string `yaml:"surrogates"` // encoders attacked together with the first
}

func newAttackCompare() *cobra.Command {
	var config, data, out string
	var resume bool
	c := &cobra.Command{
		Use:   "compare --config FILE --out DIR",
		Short: "Run many attacks at many budgets on the same pictures and print what each reaches and costs",
		Long: `Compare runs every attack of a configuration file at every budget and prints a table in Markdown, which it
also writes to table.md: how often the head is right about the saved files with its 95 % Wilson interval, the
mean cosine of the patch tokens with the clean ones, and the cost for one picture, averaged over the budgets.
Each attack at each budget has a folder with its PNG files and report.json, as "plumbline attack" writes them.

The file holds encoder, data (as in check), inputs (head, labels, text, target, target_text, prototypes,
clusters, mix), seed, and groups of attacks with norm, eps, surrogates (encoders attacked together with the
first), per_class and images: how many pictures of each class and of all the group is run on.
docs/attacks-neu-det.yaml is one.`,
		Example: "  plumbline attack compare --config docs/attacks-neu-det.yaml --data ../shared/data/neu-det --out attacks/",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if config == "" || out == "" {
				return usagef("--config and --out are required")
			}
			cfg, err := readCompare(config, data)
			if err != nil {
				return err
			}
			return compare(c, cfg, out, resume)
		},
	}
	c.Flags().StringVar(&config, "config", "", "configuration file")
	c.Flags().StringVar(&data, "data", "", "place of the data, instead of the configuration's")
	c.Flags().StringVar(&out, "out", "", "folder for the results")
	c.Flags().BoolVar(&resume, "resume", false, "continue an interrupted run")
	return c
}

// readCompare reads a configuration. Paths in it are relative to its folder; those of inputs below the data's
// place follow the data.
func readCompare(path, data string) (compareConfig, error) {
	var c compareConfig
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := strictYAML(raw, &c); err != nil {
		return c, usagef("%s: %w", path, err)
	}
	dir := filepath.Dir(path)
	if data == "" {
		data = c.Data.Path
	}
	in := &c.Inputs
	for _, p := range []*string{&in.Target, &in.Prototypes, &in.Mix} {
		if rest, below := strings.CutPrefix(*p, c.Data.Path+"/"); below && c.Data.Path != "" {
			*p = filepath.Join(data, rest)
		}
	}
	c.Data.Path = data
	for _, p := range []*string{&c.Encoder, &c.Data.Path, &in.Head, &in.Labels, &in.Text, &in.Target, &in.Prototypes, &in.Mix} {
		if full := filepath.Join(dir, *p); *p != "" && !exists(*p) && exists(full) {
			*p = full
		}
	}
	if len(c.Groups) == 0 {
		return c, usagef("%s: there are no groups of attacks", path)
	}
	return c, nil
}

// comparison is one run of the command.
type comparison struct {
	compareConfig
	enc      encoder.Encoder
	artifact report.Artifact
	data     *dataset.Dataset
	in       *attackInputs
	out      string
	resume   bool
}

// comparedRun is one attack at one budget.
type comparedRun struct {
	attack attack.Attack
	name   string
	tm     *threat
	group  compareGroup
	images []crafted
}

// runs parses every attack and budget before anything is done.
func (c compareConfig) runs() ([]*comparedRun, error) {
	var out []*comparedRun
	for n, g := range c.Groups {
		if len(g.Eps) == 0 || len(g.Attacks) == 0 {
			return nil, usagef("group %d: attacks or eps is missing", n+1)
		}
		if g.Norm == "" {
			g.Norm = string(attack.NormLinf)
		}
		for _, text := range g.Attacks {
			a, err := c.attack(text)
			if err == nil {
				err = checkSurrogates(a, g.Surrogates, c.Inputs.Head)
			}
			if err != nil {
				return nil, err
			}
			for _, eps := range g.Eps {
				tm, err := threatFlags{eps: eps, norm: g.Norm}.parse()
				if err == nil {
					err = checkNorm(a, tm.Norm)
				}
				if err != nil {
					return nil, err
				}
				out = append(out, &comparedRun{attack: a, name: text, tm: tm, group: g})
			}
		}
	}
	return out, nil
}

// attack parses an expression. What is given to all attacks is an input of those that use it.
func (c compareConfig) attack(text string) (attack.Attack, error) {
	a, err := parseAttack(text, 0, c.Seed)
	if err != nil {
		return nil, err
	}
	given, need := c.Inputs, attack.NeedsOf(a)
	if !need.Prototypes {
		given.Prototypes = ""
	}
	if !need.MayMix {
		given.Mix = ""
	}
	return a, given.check(a)
}

func compare(c *cobra.Command, cfg compareConfig, out string, resume bool) error {
	runs, err := cfg.runs()
	if err != nil {
		return err
	}
	k := &comparison{compareConfig: cfg, out: out, resume: resume}
	if k.data, err = cfg.Data.open(); err != nil {
		return err
	}
	if k.enc, k.artifact, err = openEncoder(cfg.Encoder); err != nil {
		return err
	}
	if k.in, err = cfg.Inputs.open(c.Context(), cfg.Encoder, k.enc, k.data); err != nil {
		return err
	}
	show, end := newProgress(c.ErrOrStderr(), "compare")
	defer end()
	for n, r := range runs {
		if err := k.run(c, r); err != nil {
			return fmt.Errorf("%s at %s: %w", r.name, r.tm, err)
		}
		show(n+1, len(runs))
	}
	text := tableOf(cfg.Title, runs)
	if err := atomicfile.Write(filepath.Join(out, "table.md"), func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		return err
	}
	_, err = io.WriteString(c.OutOrStdout(), text)
	return err
}

// run does, or continues, one attack at one budget.
func (k *comparison) run(c *cobra.Command, r *comparedRun) error {
	data := k.data
	if n := r.group.PerClass; n > 0 {
		data = data.PerClass(n)
	}
	if n := r.group.Images; n > 0 {
		data = data.Select(func(i int, _ *dataset.Sample) bool { return i < n })
	}
	enc, more, err := together(k.enc, r.group.Surrogates)
	if err != nil {
		return err
	}
	head := craftHead{Schema: craftSchema, Tool: "plumbline " + version(), Arithmetic: arithmetic(), Encoder: k.artifact, Surrogates: more,
		Attack: r.attack.String(), Threat: r.tm.String(), Eps: r.tm.Eps.String(), Inputs: k.Inputs}
	out := filepath.Join(k.out, fileName(r.name+"@"+r.tm.String()))
	craft := crafter{enc: enc, attack: r.attack, threat: r.tm, data: data, in: k.in, out: out}
	log, err := runCraft(c.Context(), craft, head, k.resume, func(int, int) {})
	if err == nil {
		err = log.err()
	}
	r.images = log.timed
	return err
}

// fileName keeps of a text what any file system takes.
func fileName(text string) string {
	safe := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, text)
	return safe[:min(len(safe), 120)]
}
