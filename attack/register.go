package attack

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"
)

// RegisterObjective adds an objective that expressions can name. Call it while a program starts: it is
// not safe beside Parse, and it panics if the name is taken.
func RegisterObjective(name, doc string, build func(*Args) Objective) {
	objectives.add(name, doc, build)
}

// Register adds an attack that expressions can name, under the same conditions. The attack that build
// returns prints itself with [Args.String].
func Register(name, doc string, build func(*Args) Attack) { attacks.add(name, doc, build) }

// Change is an attack that makes one image of each, without asking the encoder: text is its expression, o
// measures the result. A result outside the threat model is the image's error. change must be safe for
// concurrent use and return new memory.
func Change(text string, o Objective, change func(image *tensor.Dense) (*tensor.Dense, error)) Attack {
	craft := func(ctx context.Context, j *job) error {
		p, err := newProblem(ctx, j, o, lens{})
		if err != nil {
			return err
		}
		y, err := change(j.clean)
		if err != nil {
			return err
		}
		x, h, w, err := pixels(y)
		if err != nil || h != j.h || w != j.w {
			return fmt.Errorf("attack: %s: %s made an image of %d×%d pixels: %w", j.out.Name, text, h, w, err)
		}
		if !j.ball.Contains(x) {
			return fmt.Errorf("attack: %s: %s changes the image by %.3g, more than %s allows; ε = 1 allows anything", j.out.Name, text, j.ball.Size(x), j.tm)
		}
		v, err := p.value(ctx, x)
		if err != nil {
			return err
		}
		return j.visit(x, v, p.fooled(), 0, 0)
	}
	return &imagewise{text: text, craft: craft}
}
