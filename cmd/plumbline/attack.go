package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// attackFlags are the flags of the attack command.
type attackFlags struct {
	encoder, attack, images, layout, out string
	threat                               threatFlags
	surrogates                           []string
	in                                   inputConfig
	steps                                int
	seed                                 uint64
	resume                               bool
}

func newAttack() *cobra.Command {
	var f attackFlags
	c := &cobra.Command{
		Use:   "attack --encoder MODEL.onnx --attack NAME --eps 8/255 --images DIR --out DIR",
		Short: "Craft adversarial images from an encoder and save them as PNG",
		Long: `Attack changes every picture of a folder by at most ε in each colour value (L∞, of pixels in [0,1] at the
picture's own resolution) and writes the results as 8-bit PNG files of the same names, rounded inwards so
that each file stays inside ε, and report.json with what was done to each. Every file is read back and
measured. A picture that could not be attacked is reported with the reason and does not stop the others;
the exit code is then 3.

NAME is an attack with optional parameters, such as prm or "prm(steps=100)"; "plumbline attack list" prints
all with what each needs. An interrupted run continues with --resume.

--norm measures the change otherwise: l2 and l1 over all values, l0 in pixels (a share below 1), patch as the
share of the picture's area that one square may cover. --mask allows changes where a picture is white: one of
the pictures' size, or a folder with one for each.

Attacks on labels take --head and pictures in one folder per class (or a --layout that check knows). Attacks
with a target take --target, or --target-text with one of the model's prompts or an .npy file.

--surrogate adds encoders that are attacked together with the first: the mean of their objectives is optimised,
layers such as "all" being each one's own. A head reads the first alone, so attacks on labels take none.`,
		Example: `  plumbline attack --encoder inspect-tiny --attack prm --eps 8/255 --images photos/ --out adversarial/
  plumbline attack --encoder inspect-tiny --attack apgd-ce --head zero-shot --eps 2/255 --images val/ --out adversarial/
  plumbline attack --encoder inspect-tiny --attack embedding --target crack.png --eps 8/255 --images photos/ --out adversarial/
  plumbline attack --encoder inspect-tiny --surrogate surfaces-tiny --attack uap-ensemble --eps 8/255 --images photos/ --out adversarial/
  plumbline attack --encoder inspect-tiny --attack patch --norm patch --eps 1/50 --images photos/ --out adversarial/`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, need := range [][2]string{{"encoder", f.encoder}, {"attack", f.attack}, {"eps", f.threat.eps}, {"images", f.images}, {"out", f.out}} {
				if need[1] == "" {
					return usagef("--%s is required", need[0])
				}
			}
			return craft(c, f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.encoder, "encoder", "", "ONNX file, or the name of an embedded model")
	fl.StringArrayVar(&f.surrogates, "surrogate", nil, "further encoder to attack together with the first (repeatable)")
	fl.StringVar(&f.attack, "attack", "", "attack with optional parameters")
	fl.StringVar(&f.threat.eps, "eps", "", "largest change, of a colour value such as 8/255 or in the norm given")
	fl.StringVar(&f.threat.norm, "norm", "linf", "how a change is measured: linf, l2, l1, l0, patch")
	fl.StringVar(&f.threat.mask, "mask", "", "picture, or folder of pictures, white where pixels may change")
	fl.StringVar(&f.threat.at, "at", "", "row,column of a patch's upper left pixel (default: searched)")
	fl.StringVar(&f.images, "images", "", "folder of pictures")
	fl.StringVar(&f.layout, "layout", "", "layout of the pictures with their labels, as for check (default: folders)")
	fl.StringVar(&f.out, "out", "", "folder for the results")
	fl.StringVar(&f.in.Head, "head", "", "head to attack and to ask about the results: zero-shot, or the file of a saved head")
	fl.StringVar(&f.in.Labels, "labels", "", "prompts and classes of the zero-shot head, JSON")
	fl.StringVar(&f.in.Text, "text", "", "text embeddings of the prompts, .npy")
	fl.StringVar(&f.in.Target, "target", "", "picture to imitate")
	fl.StringVar(&f.in.TargetText, "target-text", "", "prompt to imitate, or .npy file of one embedding or one for each picture")
	fl.StringVar(&f.in.Prototypes, "prototypes", "", "folder of pictures that pa-attack makes its prototypes of")
	fl.StringVar(&f.in.Mix, "mix", "", "folder of pictures that admix mixes in")
	fl.IntVar(&f.steps, "steps", 0, "steps of the attack (0: its own default)")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of everything random")
	fl.BoolVar(&f.resume, "resume", false, "continue an interrupted run")
	c.AddCommand(newAttackList(), newAttackCompare())
	return c
}

// craft checks everything that can be wrong, then attacks picture by picture.
func craft(c *cobra.Command, f attackFlags) error {
	a, err := parseAttack(f.attack, f.steps, f.seed)
	if err != nil {
		return err
	}
	if a, err = f.in.aim(a); err != nil {
		return err
	}
	if err := f.in.check(a); err != nil {
		return err
	}
	tm, err := f.threat.parse()
	if err != nil {
		return err
	}
	if err := checkNorm(a, tm.Norm); err != nil {
		return err
	}
	if err := checkSurrogates(a, f.surrogates, f.in.Head); err != nil {
		return err
	}
	enc, artifact, err := openEncoder(f.encoder)
	if err != nil {
		return err
	}
	data, err := f.open()
	if err != nil {
		return err
	}
	in, err := f.in.open(c.Context(), f.encoder, enc, data)
	if err != nil {
		return err
	}
	all, more, err := together(enc, f.surrogates)
	if err != nil {
		return err
	}
	head := craftHead{Schema: craftSchema, Tool: "plumbline " + version(), Arithmetic: arithmetic(), Encoder: artifact, Surrogates: more,
		Attack: a.String(), Threat: tm.String(), Eps: tm.Eps.String(), Inputs: f.in}
	show, end := newProgress(c.ErrOrStderr(), a.String())
	res, err := runCraft(c.Context(), crafter{enc: all, attack: a, threat: tm, data: data, in: in, out: f.out}, head, f.resume, show)
	end()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%d of %d images attacked: %s\n", len(res.Images)-res.failed(), len(res.Images), f.out)
	if in.head != nil {
		clean, attacked := res.right()
		fmt.Fprintf(c.OutOrStdout(), "%s is right on %d clean and %d attacked ones\n", in.head.head.Name(), clean, attacked)
	}
	return res.err()
}

// open reads the pictures, with labels where a head or a layout asks for them.
func (f attackFlags) open() (*dataset.Dataset, error) {
	if f.in.Head == "" && f.layout == "" {
		return dataset.Flat(f.images)
	}
	return dataConfig{Path: f.images, Layout: f.layout}.open()
}

// checkNorm reports a norm that the attack is not defined for.
func checkNorm(a attack.Attack, norm attack.Norm) error {
	norms := attack.NeedsOf(a).Norms
	for _, n := range norms {
		if n == norm {
			return nil
		}
	}
	return usagef("%s is defined for --norm %v, not %s", attackName(a), norms, norm)
}

// runCraft attacks all pictures, or those that an interrupted run left, and writes the report.
func runCraft(ctx context.Context, k crafter, head craftHead, resume bool, show func(done, total int)) (craftReport, error) {
	var err error
	if k.names, err = outputNames(k.data); err != nil {
		return craftReport{}, err
	}
	if err := k.prepare(ctx); err != nil {
		return craftReport{}, err
	}
	if err := os.MkdirAll(k.out, 0o755); err != nil {
		return craftReport{}, err
	}
	if k.log, err = openCraftLog(filepath.Join(k.out, craftLogName), head, resume); err != nil {
		return craftReport{}, err
	}
	err = k.run(ctx, show)
	if err := errors.Join(err, k.log.close()); err != nil {
		return craftReport{}, err
	}
	return k.log.finish(filepath.Join(k.out, "report.json"))
}

// prepare asks the head about one picture, so that a head of another encoder is found out at once.
func (k *crafter) prepare(ctx context.Context) error {
	if k.in == nil || k.in.head == nil {
		return nil
	}
	for s, err := range k.data.All() {
		if err == nil {
			return k.in.head.measure(ctx, k.enc, s.Image)
		}
	}
	return fmt.Errorf("%s: no picture can be read", k.data.Name)
}

// outputNames gives each picture its PNG name and refuses two that would be the same.
func outputNames(d *dataset.Dataset) ([]string, error) {
	taken := map[string]string{}
	out := make([]string, d.Len())
	for i, s := range d.Samples {
		name := s.ID[:len(s.ID)-len(filepath.Ext(s.ID))] + ".png"
		if other, twice := taken[name]; twice {
			return nil, fmt.Errorf("%s and %s would both be saved as %s: rename one", other, s.ID, name)
		}
		taken[name], out[i] = s.ID, name
	}
	return out, nil
}
