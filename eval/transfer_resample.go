package eval

import (
	"errors"
	"math"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// resampling recomputes the share that systems keep on other choices of the images of a report.
type resampling struct {
	*assembly
	whole *report.Report
	clean []rescored // by system
}

// rescored is a system's metric on one attack as a function of images of the report.
type rescored struct {
	f      stat.Statistic
	place  []int // of each image among those that the system is judged on; -1 where it is not
	chosen []int
}

func newResampling(r *report.Report, journals []*Journal) (*resampling, error) {
	j, err := join(journals)
	if err != nil {
		return nil, err
	}
	a := &assembly{journal: j, report: newReport(j), seconds: map[string]float64{}}
	if err := a.collect(); err != nil {
		return nil, err
	}
	if a.report.Claim.ConfigHash != r.Claim.ConfigHash || a.report.Claim.Data.SHA256 != r.Claim.Data.SHA256 || len(a.report.Systems) != len(r.Systems) {
		return nil, errors.New("eval: the journal is of another run than the report")
	}
	s := &resampling{assembly: a, whole: r, clean: make([]rescored, len(r.Systems))}
	for k := range s.clean {
		if s.clean[k], err = s.rescored(k, report.Clean); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// rescored returns system s under an attack, with an f of nil where nothing of it was judged.
func (r *resampling) rescored(s int, attack string) (rescored, error) {
	rows := r.rows[attack][s]
	out := rescored{place: make([]int, len(rows))}
	n := 0
	for i, row := range rows {
		if out.place[i] = -1; row.judged() {
			out.place[i] = n
			n++
		}
	}
	if n == 0 {
		return out, nil
	}
	var err error
	out.f, err = r.scorers[s].statistic(r.judged(s, rows))
	return out, err
}

// of is the metric on some images.
func (s *rescored) of(images []int) float64 {
	s.chosen = s.chosen[:0]
	for _, i := range images {
		if s.place[i] >= 0 {
			s.chosen = append(s.chosen, s.place[i])
		}
	}
	if len(s.chosen) == 0 {
		return math.NaN()
	}
	return s.f(s.chosen)
}

// compared is one system under two attacks.
type compared struct {
	clean, a, b  rescored
	chance, sign float64 // sign is −1 where less is better
}

// difference tests the mean share kept under a minus that under b. The systems are those of [Kept]; one whose clean
// score on a resample lies less than a tenth beyond chance counts in neither mean there.
func (r *resampling) difference(a, b report.Attack) (stat.Difference, error) {
	var list []compared
	for s, system := range r.whole.Systems {
		_, ok := Kept(r.whole, system.ID, a.ID)
		_, ok2 := Kept(r.whole, system.ID, b.ID)
		if !ok || !ok2 {
			continue
		}
		c := compared{clean: r.clean[s], chance: float64(system.Chance), sign: 1}
		if math.IsNaN(c.chance) {
			c.chance = 0
		}
		if !system.Metric.HigherIsBetter {
			c.sign = -1
		}
		var err error
		if c.a, err = r.rescored(s, a.ID); err != nil {
			return stat.Difference{}, err
		}
		if c.b, err = r.rescored(s, b.ID); err != nil {
			return stat.Difference{}, err
		}
		list = append(list, c)
	}
	difference := func(images []int) float64 {
		sum, n := 0.0, 0
		for i := range list {
			if d := list[i].difference(images); !math.IsNaN(d) {
				sum += d
				n++
			}
		}
		return sum / float64(n)
	}
	return r.bootstrap().Paired(len(r.report.Images), difference, func([]int) float64 { return 0 })
}

// difference is the share kept under a minus that under b; NaN where one is not defined.
func (c *compared) difference(images []int) float64 {
	room := c.sign * (c.clean.of(images) - c.chance)
	if !(room >= leastRoom) {
		return math.NaN()
	}
	a, b := c.sign*(c.a.of(images)-c.chance), c.sign*(c.b.of(images)-c.chance)
	return (max(a, 0) - max(b, 0)) / room
}
