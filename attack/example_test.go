package attack_test

import (
	"context"
	"fmt"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

// A new attack is put together from parts: here PRM on the last two blocks' patch tokens, seen through
// random crops, with Nesterov steps. What it hands out lies inside the threat model, and rounding for a
// file keeps it there.
func Example() {
	enc := attacktest.NewViT(1, 16, 16, 4, 8, 3, 6) // any encoder.Encoder
	images := attacktest.Images(1, 2, 16, 16)
	eps, err := attack.ParseEps("8/255")
	if err != nil {
		fmt.Println(err)
		return
	}
	tm := attack.Linf(eps)
	a := attack.Gradient{
		Objective: attack.PRM{Layers: "block.-2+block.-1", Tokens: "patch"},
		Transform: attack.Crop{Lo: 0.6, Hi: 0.9},
		Step:      attack.Momentum{Mu: 0.9, Nesterov: true},
		Copies:    2,
		Iters:     20,
	}
	res, err := a.Run(context.Background(), enc, images, tm, attack.Names([]string{"a.png", "b.png"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, o := range res.Outcomes {
		file, err := attack.Quantize(tm, i, images[i], res.Adv[i])
		if err != nil {
			fmt.Println(err)
			return
		}
		before, _ := attack.Image8(images[i])
		after, _ := attack.Image8(file)
		d, err := attack.Measure8(before, after)
		fmt.Println(o.Name, o.Status, "stronger:", o.Value > o.Start, "levels:", d.Linf, err)
	}
	// Output:
	// a.png done stronger: true levels: 8 <nil>
	// b.png done stronger: true levels: 8 <nil>
}

// The same attack as an expression, and what it prints.
func ExampleParse() {
	a, err := attack.Parse("restarts(n=2,attack=pgd(objective=prm(layers=last,tokens=patch),steps=10))")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a)
	_, err = attack.Parse("pgd(stepz=10)")
	fmt.Println(err != nil)
	// Output:
	// restarts(n=2,attack=pgd(objective=prm(layers=last,tokens=patch,weights=1),steps=10,alpha=eps/4,step=steepest(),schedule=constant(),init=random(),transform=none(),copies=1,reference=same,select=best,patience=0,restarts=1,stop=never,resolution=model,seed=0))
	// true
}
