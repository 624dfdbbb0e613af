package eval

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// Transfer compares an attack with another of the same budget over the systems of a report, in two ways. The sign test
// counts systems: those on one encoder are alike, so that it sums up these systems and claims little about others. The
// bootstrap resamples images: it says whether the mean share kept by these systems would differ on other images.
type Transfer struct {
	Eps         string
	Attack      string  // name
	Other       string  // name; "" in the row of the attack itself
	Gradients   float64 // backward passes of Other for one image
	Systems     int
	Kept        float64 // mean over systems of the share kept under Other, see Kept
	Wins, Loses int     // systems that keep less under Attack, and more; equal ones are in neither
	P           float64 // sign test, two-sided

	// Difference is the mean share kept under Attack minus that under Other, with a BCa interval and a two-sided p-value
	// from resampled images, adjusted by Holm over all rows; nil in the row of the attack itself and without journals.
	Difference *stat.Difference
}

// Kept is what an attack leaves of a system's clean score beyond chance, (score − chance)/(clean − chance), never
// below 0. It is not defined where the clean score itself lies less than a tenth beyond chance.
func Kept(r *report.Report, system, attack string) (share float64, ok bool) {
	s, clean, c := r.System(system), r.Cell(system, report.Clean), r.Cell(system, attack)
	if s == nil || clean == nil || c == nil {
		return 0, false
	}
	chance := float64(s.Chance)
	if math.IsNaN(chance) {
		chance = 0
	}
	room, left := float64(clean.Score.Value)-chance, float64(c.Score.Value)-chance
	if !s.Metric.HigherIsBetter {
		room, left = -room, -left
	}
	if !(room >= leastRoom) || math.IsNaN(left) {
		return 0, false
	}
	return max(left/room, 0), true
}

// leastRoom is how far beyond chance a clean score must lie for a share of it to mean something.
const leastRoom = 0.1

// Transfers compares the attack of a name with every other on the encoder at each of its budgets. With the journals
// that the report was made from, differences are also tested on resampled images.
func Transfers(r *report.Report, name string, journals ...*Journal) ([]Transfer, error) {
	var again *resampling
	if len(journals) > 0 {
		var err error
		if again, err = newResampling(r, journals); err != nil {
			return nil, err
		}
	}
	var out []Transfer
	for _, a := range r.Attacks {
		if a.Name != name {
			continue
		}
		for _, b := range r.At(a.Eps) {
			if b.Kind == report.Worst || b.Knowledge == "system" {
				continue
			}
			t := transfer(r, a, b)
			if again != nil && t.Other != "" {
				d, err := again.difference(a, b)
				if err != nil {
					return nil, err
				}
				t.Difference = &d
			}
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("eval: the report has no attack called %s", name)
	}
	adjustTransfers(out)
	return out, nil
}

// adjustTransfers makes the p-values of all differences hold at once.
func adjustTransfers(rows []Transfer) {
	var tested []*stat.Difference
	var p []float64
	for _, t := range rows {
		if t.Difference != nil {
			tested, p = append(tested, t.Difference), append(p, t.Difference.P)
		}
	}
	for i, v := range stat.Holm(p) {
		tested[i].P = v
	}
}

func transfer(r *report.Report, a, b report.Attack) Transfer {
	t := Transfer{Eps: a.Eps, Attack: a.Name, Gradients: float64(b.Cost.Backwards) / float64(len(r.Images))}
	if a.ID != b.ID {
		t.Other = b.Name
	}
	for _, s := range r.Systems {
		mine, ok := Kept(r, s.ID, a.ID)
		other, ok2 := Kept(r, s.ID, b.ID)
		if !ok || !ok2 {
			continue
		}
		t.Systems++
		t.Kept += other
		switch {
		case mine < other:
			t.Wins++
		case mine > other:
			t.Loses++
		}
	}
	t.Kept /= float64(t.Systems)
	t.P = stat.Discordant{OnlyA: t.Wins, OnlyB: t.Loses, N: t.Systems}.McNemar() // the exact binomial of the sign test
	return t
}
