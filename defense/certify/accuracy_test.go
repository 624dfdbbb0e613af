package certify

import "testing"

func TestAccuracyAtCountsRightAndFarEnough(t *testing.T) {
	all := []Certified{
		{Certificate{Label: 1, Radius: 0.5}, 1},
		{Certificate{Label: 1, Radius: 0.2}, 1},
		{Certificate{Label: 2, Radius: 0.9}, 1},
		{Certificate{Label: Abstain}, Abstain},
		{Certificate{Label: 0, Radius: 0.3}, 0},
	}
	for radius, want := range map[float64]int{0: 3, 0.2: 3, 0.25: 2, 0.5: 1, 0.51: 0} {
		if got := AccuracyAt(all, radius); got != want {
			t.Errorf("at %g: %d right, want %d", radius, got, want)
		}
	}
}
