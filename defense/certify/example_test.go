package certify_test

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/certify"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

// The radius within which no perturbation changes a smoothed label.
func ExampleSmoothing() {
	bright := func(_ context.Context, images []*tensor.Dense) ([]int, error) {
		labels := make([]int, len(images))
		for i, t := range images {
			sum := 0.0
			for _, v := range t.Data().([]float32) {
				sum += float64(v) - 0.3
			}
			if sum > 0 {
				labels[i] = 1
			}
		}
		return labels, nil
	}
	s := certify.Smoothing{Sigma: 0.25, N0: 100, N: 1000, Alpha: 0.001}
	c, err := s.Certify(context.Background(), bright, defensetest.Picture(16, 16, 1))
	fmt.Printf("label %d, %d of %d, radius %.3f %v\n", c.Label, c.Count, c.N, c.Radius, err)
	// Output: label 1, 1000 of 1000, radius 0.616 <nil>
}
