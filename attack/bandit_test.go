package attack

import "testing"

// TestBandit: every arm is tried, and the arm that resists (lowest value) is chosen most.
func TestBandit(t *testing.T) {
	b := newBandit(5, 2)
	count := make([]int, 5)
	for range 400 {
		arms := b.choose()
		if len(arms) != 2 || arms[0] >= arms[1] {
			t.Fatalf("chose %v", arms)
		}
		for _, a := range arms {
			count[a]++
			value := 1.0
			if a == 3 {
				value = -1
			}
			b.reward(a, value)
		}
	}
	for a, n := range count {
		if n < 10 || a != 3 && n >= count[3] {
			t.Errorf("arms were chosen %v times", count)
			break
		}
	}
	if all := newBandit(3, 0); len(all.choose()) != 3 {
		t.Error("k = 0 does not choose all arms")
	}
}
