package attack

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Gradient is a fixed-ε gradient attack put together from parts. The zero value of a field takes the
// default given with it. After every step the threat model's projection brings the iterate back.
type Gradient struct {
	Name      string    // keys the random stream; default "gradient"
	Objective Objective // default PRM
	Init      Init      // default AtRandom
	Step      StepRule  // default Momentum without momentum
	Alpha     Size      // step size; default eps/4
	Schedule  Schedule  // default Constant
	Transform Transform // default Identity
	Copies    int       // random versions averaged per gradient; default 1
	Reference string    // "same" (default): the reference is transformed as the image is; "own", "fixed"
	Iters     int       // steps; default 40
	Restarts  int       // default 1
	Select    string    // "best" (default) or "last" iterate of a restart; of restarts always the best
	Patience  int       // stop after this many steps without progress; 0 for never
	StopEarly bool      // stop an image once the head is fooled
	Native    bool      // run the encoder at the image's own size where it can ([encoder.Resizer])
	Seed      uint64
}

var _ = attacks.add("gradient", "a gradient attack put together from its parts", func(a *Args) Attack {
	g := Gradient{Name: a.name, Objective: a.Objective("objective", "prm")}
	g.read(a, Gradient{})
	return g.named(a)
})

// read takes the parameters shared by all gradient attacks from a, with defaults from def.
func (g *Gradient) read(a *Args, def Gradient) {
	def = def.withDefaults()
	g.Iters = a.Int("steps", def.Iters, 1)
	g.Alpha = a.Size("alpha", def.Alpha.String())
	g.Step = a.Step("step", def.Step.String())
	g.Schedule = a.Schedule("schedule", def.Schedule.String())
	g.Init = a.Init("init", def.Init.String())
	g.Transform = a.Transform("transform", def.Transform.String())
	g.Copies = a.Int("copies", def.Copies, 1)
	g.Reference = a.Choice("reference", rotate(def.Reference, refSame, refOwn, refFixed)...)
	g.Select = a.Choice("select", rotate(def.Select, "best", "last")...)
	g.Patience = a.Int("patience", def.Patience, 0)
	g.Restarts = a.Int("restarts", def.Restarts, 1)
	g.StopEarly = a.Choice("stop", rotate(stopWord(def.StopEarly), "never", "fooled")...) == "fooled"
	g.Native = a.Choice("resolution", rotate(resolution(def.Native), "model", "native")...) == "native"
	g.Seed = a.Seed()
}

func stopWord(early bool) string {
	if early {
		return "fooled"
	}
	return "never"
}

func resolution(native bool) string {
	if native {
		return "native"
	}
	return "model"
}

// rotate puts the default word first.
func rotate(def string, words ...string) []string {
	out := []string{def}
	for _, w := range words {
		if w != def {
			out = append(out, w)
		}
	}
	return out
}

func (g Gradient) withDefaults() Gradient {
	g.Name = or(g.Name, "gradient")
	g.Reference = or(g.Reference, refSame)
	g.Select = or(g.Select, "best")
	if g.Objective == nil {
		g.Objective = PRM{}
	}
	if g.Init == nil {
		g.Init = AtRandom{}
	}
	if g.Step == nil {
		g.Step = Momentum{}
	}
	if g.Schedule == nil {
		g.Schedule = Constant{}
	}
	if g.Transform == nil {
		g.Transform = Identity{}
	}
	if g.Alpha.Factor.den == 0 {
		g.Alpha = Size{NewRatio(1, 4), true}
	}
	if g.Iters == 0 {
		g.Iters = 40
	}
	g.Copies, g.Restarts = max(g.Copies, 1), max(g.Restarts, 1)
	return g
}

// String prints the attack with all its parts. A name other than "gradient" is not printed: it only
// keys the random stream.
func (g Gradient) String() string {
	g = g.withDefaults()
	return expr("gradient", "objective", g.Objective, "steps", g.Iters, "alpha", g.Alpha, "step", g.Step,
		"schedule", g.Schedule, "init", g.Init, "transform", g.Transform, "copies", g.Copies,
		"reference", g.Reference, "select", g.Select, "patience", g.Patience, "restarts", g.Restarts,
		"stop", stopWord(g.StopEarly), "resolution", resolution(g.Native), "seed", g.Seed)
}

// Run implements Attack.
func (g Gradient) Run(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) (*Result, error) {
	return g.attack(g.String()).Run(ctx, enc, images, tm, opts...)
}

// Steps implements Attack.
func (g Gradient) Steps(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) iter.Seq2[Step, error] {
	return g.attack(g.String()).Steps(ctx, enc, images, tm, opts...)
}

func (g Gradient) attack(text string) *imagewise {
	g = g.withDefaults()
	return &imagewise{text: text, label: g.Name, seed: g.Seed, craft: g.craft, check: g.check}
}

func (g Gradient) perImage() *imagewise { return g.attack(g.String()) }

// named returns g as the attack that the expression a builds.
func (g Gradient) named(a *Args) Attack { return g.attack(a.String()) }

func (g Gradient) check(enc encoder.Encoder, _ ThreatModel, _ *settings) error {
	if g.Iters < 1 {
		return fmt.Errorf("attack: %s: %d steps", g.Name, g.Iters)
	}
	return nil
}

// craft attacks one image.
func (g Gradient) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, g.Objective, lens{g.Transform, g.Copies, g.Reference, g.Native})
	if err != nil {
		return err
	}
	for r := range g.Restarts {
		if err := g.restart(ctx, j, p, r); err != nil || j.out.Status == Succeeded {
			return err
		}
	}
	return nil
}

// restart is one run from one start.
func (g Gradient) restart(ctx context.Context, j *job, p *problem, r int) error {
	d := &descent{Gradient: g, job: j, p: p, r: r,
		x: append([]float32(nil), j.x0...), g: make([]float32, len(j.x0)),
		alpha: g.Alpha.At(j.tm.scale()), best: math.Inf(-1)}
	p.rng = j.rng(r)
	d.step = g.Step.New(StepStart{j.tm, j.x0, p.rng})
	d.more = func(x, grad []float32) error {
		_, err := p.grad(ctx, x, grad)
		return err
	}
	g.Init.Start(d.x, j.ball, p.rng)
	j.ball.Project(d.x)
	for k := range g.Iters {
		stop, err := d.iterate(ctx, k)
		if err != nil {
			return err
		}
		if stop {
			break
		}
	}
	if j.out.Status == Succeeded {
		return nil
	}
	return d.last(ctx)
}
