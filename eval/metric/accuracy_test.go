package metric

import (
	"math"
	"testing"
)

func TestAccuracyByHand(t *testing.T) {
	predicted := []int{0, 0, 1, 1, 2, 2, 0, 5}
	truth := []int{0, 0, 0, 0, 1, 2, -1, 2}
	r, err := Accuracy(predicted, truth)
	if err != nil || r != (Rate{Hits: 3, N: 7}) {
		t.Fatalf("accuracy = %v, %v; want 3 of 7", r, err)
	}
	// class 0: 2 of 4, class 1: 0 of 1, class 2: 1 of 2; class 3 does not occur.
	b, err := BalancedAccuracy(predicted, truth, 4)
	if want := (0.5 + 0 + 0.5) / 3; err != nil || math.Abs(b-want) > 1e-15 {
		t.Fatalf("balanced accuracy = %v, %v; want %v", b, err, want)
	}
}

func TestAccuracyRefusesBadInput(t *testing.T) {
	if _, err := Accuracy([]int{1}, nil); err == nil {
		t.Error("different lengths were accepted")
	}
	if _, err := PerClass([]int{1}, []int{3}, 3); err == nil {
		t.Error("a label beyond the classes was accepted")
	}
	if b, err := BalancedAccuracy(nil, nil, 3); err != nil || !math.IsNaN(b) {
		t.Errorf("no samples gave %v, %v; want NaN", b, err)
	}
	if r, _ := Accuracy([]int{1}, []int{-1}); !math.IsNaN(r.Value()) {
		t.Errorf("no labelled samples gave %v; want NaN", r.Value())
	}
}
