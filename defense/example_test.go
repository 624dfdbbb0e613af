package defense_test

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

// A defended encoder is used like any other; its gradient is the one an attacker who knows the defence would follow.
func Example() {
	var e encoder.Encoder = defensetest.NewLinear(1) // or encoder.Open
	d, err := defense.Parse("jpeg(75)+median(3)", defense.Resources{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defended, err := d.Wrap(e, defense.Stream{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	tr, err := defended.Trace(context.Background(), []*tensor.Dense{defensetest.Picture(32, 32, 1)}, encoder.Embedding)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tr.Close()
	fmt.Println(defended.Spec().Name)
	fmt.Println(d, "random:", d.Random(), "surrogate:", d.Surrogate())
	fmt.Println(tr.Activation(0).Shape())
	// Output:
	// linear behind median(3) behind jpeg(75)
	// jpeg(75)+median(3) random: false surrogate: stand-in
	// (1, 12)
}

// What must be attacked before a defence is believed.
func ExampleAdversaries() {
	d, err := defense.Parse("noise(8/255)+bilateral", defense.Resources{})
	if err != nil {
		fmt.Println(err)
		return
	}
	as, err := defense.Adversaries(d, defensetest.NewLinear(1), defense.Stream{Seed: 99}, 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range as {
		fmt.Println(a.Name, "on", a.Encoder.Spec().Name)
	}
	// Output:
	// adaptive on linear behind bilateral(5,1.5,0.1) behind noise(8/255), mean of 20 draws
	// bpda on linear behind bpda(bilateral(5,1.5,0.1)) behind bpda(noise(8/255)), mean of 20 draws
	// transfer on linear
}

// A monitor that sends a picture to a person when two systems disagree.
func ExampleMonitor() {
	system := func(label string) defense.System {
		return func(context.Context, *tensor.Dense) (defense.Opinion, error) {
			return defense.Opinion{Label: label, Confidence: 0.97}, nil
		}
	}
	m, err := defense.NewMonitor(defense.MonitorConfig{
		System: system("no defect"), Second: system("crack"), Disagree: defense.Person,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := m.Inspect(context.Background(), defense.Item{ID: "tile-0001.png", Image: defensetest.Picture(8, 8, 1)})
	fmt.Println(d.Action, d.Reasons, err)
	// Output: person [the second system says "crack", not "no defect"] <nil>
}
