package defense

import (
	"fmt"
	"time"
)

// RateAlarm watches how often pictures are held over time: it is raised while, of the pictures decided within Window, at
// least Least in number, more than the fraction Limit got the action At or a stricter one by their own merits (not by an
// alarm). While it is raised every picture gets at least Then.
type RateAlarm struct {
	Name   string
	At     Action        // Person or Stop
	Window time.Duration // above 0
	Least  int           // pictures, 1…100000
	Limit  float64       // 0…1
	Then   Action        // Pass only records the alarm
}

// maxWindow bounds the decisions that an alarm remembers; beyond it the oldest are forgotten.
const maxWindow = 100_000

func (a RateAlarm) validate() error {
	if a.Name == "" || a.At < Person || a.At > Stop || a.Then < Pass || a.Then > Stop || a.Window <= 0 ||
		a.Least < 1 || a.Least > maxWindow || !(a.Limit >= 0 && a.Limit <= 1) {
		return fmt.Errorf("defense: monitor: rate alarm %+v: want a name, at person or stop, a window above 0, least 1…%d, limit 0…1", a, maxWindow)
	}
	return nil
}

// rate is the state of an alarm.
type rate struct {
	alarm  RateAlarm
	times  []time.Time
	held   []bool
	count  int // held within the window
	raised bool
}

// add takes a decision into account and returns "raised" or "cleared" if the state changed, else "".
func (r *rate) add(now time.Time, a Action) string {
	r.times, r.held = append(r.times, now), append(r.held, a >= r.alarm.At)
	if a >= r.alarm.At {
		r.count++
	}
	for len(r.times) > maxWindow || now.Sub(r.times[0]) > r.alarm.Window {
		if r.held[0] {
			r.count--
		}
		r.times, r.held = r.times[1:], r.held[1:]
	}
	was := r.raised
	r.raised = len(r.times) >= r.alarm.Least && float64(r.count) > r.alarm.Limit*float64(len(r.times))
	switch {
	case r.raised && !was:
		return "raised"
	case was && !r.raised:
		return "cleared"
	}
	return ""
}
