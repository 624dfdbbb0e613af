//go:build !linux

package kernel

import "time"

var benchStart = time.Now()

// benchClock is the time since the start.
func benchClock() time.Duration { return time.Since(benchStart) }
