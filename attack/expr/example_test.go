package expr_test

import (
	"context"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/attack/expr"
	"gorgonia.org/gorgonia"
)

// prm is Patch Representation Misalignment written as an expression: minus the sum over layers of the
// mean cosine of tokens.
func prm(adv, clean []*gorgonia.Node) (*gorgonia.Node, error) {
	var total *gorgonia.Node
	for i := range adv {
		c, err := expr.MeanCosine(adv[i], clean[i])
		if err != nil {
			return nil, err
		}
		if total == nil {
			total = c
		} else if total, err = gorgonia.Add(total, c); err != nil {
			return nil, err
		}
	}
	return gorgonia.Neg(total)
}

// PRM written with Gorgonia attacks like the built-in one.
func Example() {
	enc := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	images := attacktest.Images(1, 2, 8, 8)
	tm := attack.Linf(attack.NewRatio(8, 255))

	written := attack.Gradient{Objective: expr.Layers("my-prm", enc.Spec(), prm), Iters: 10}
	builtin := attack.Gradient{Objective: attack.PRM{}, Iters: 10}
	a, err := written.Run(context.Background(), enc, images, tm)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := builtin.Run(context.Background(), enc, images, tm)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range images {
		fmt.Println(a.Outcomes[i].Name, "same value:", math.Abs(a.Outcomes[i].Value-b.Outcomes[i].Value) < 1e-6)
	}
	// Output:
	// image 0 same value: true
	// image 1 same value: true
}
