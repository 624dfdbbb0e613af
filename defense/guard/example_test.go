package guard_test

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/guard"
)

// A classifier that shows its probabilities with one digit.
func Example() {
	logits := guard.ScorerFunc(func(_ context.Context, images []*tensor.Dense) ([][]float64, error) {
		return [][]float64{{2.31, 0.4, -1.2}}, nil
	})
	g, err := guard.Parse("softmax+round(1)")
	if err != nil {
		fmt.Println(err)
		return
	}
	image := tensor.New(tensor.WithShape(3, 1, 1), tensor.Of(tensor.Float32))
	answers, err := guard.Wrap(logits, g, 1).Answers(context.Background(), []*tensor.Dense{image})
	fmt.Println(answers, err)
	// Output: [{0 [0.8 0.1 0]}] <nil>
}
