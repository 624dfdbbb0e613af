package engine

import (
	"runtime"
	"sync/atomic"
)

// busy counts the goroutines that run steps, in all executions. Together they stay within GOMAXPROCS:
// an execution takes helpers only where processors are free, and they leave when others need them.
var busy atomic.Int32

// gang shares the loops of one execution among goroutines. During a run its helpers wait spinning, so
// that handing out a loop costs less than a microsecond; between runs there are none. What a loop
// computes does not depend on how it is split.
type gang struct {
	size    int // goroutines at most, the caller's included
	procs   int // GOMAXPROCS when the run began; asking for it takes a lock that spinning helpers would fight over
	helpers []func()
	alive   atomic.Int32
	stop    atomic.Bool

	// The loop being run. word holds the number of parts in its high half and the next one to take in its
	// low half; a part that was taken keeps the loop alive until it is counted in done.
	word     atomic.Uint64
	done     atomic.Int32
	n, chunk int
	body     func(worker, lo, hi int)
}

// newGang prepares helpers for a state; size 1 has none.
func newGang(size int) *gang {
	g := &gang{size: size}
	for w := 1; w < size; w++ {
		g.helpers = append(g.helpers, func() { g.help(w) })
	}
	return g
}

// Count is how many parts may run at once.
func (g *gang) Count() int { return g.size }

// enter begins a run: the caller counts as busy, and as many helpers start as processors are free.
func (g *gang) enter() {
	for g.alive.Load() > 0 { // helpers of the last run that have not left yet
		runtime.Gosched()
	}
	g.stop.Store(false)
	g.procs = runtime.GOMAXPROCS(0)
	free := g.procs - int(busy.Add(1))
	for _, h := range g.helpers[:max(0, min(free, len(g.helpers)))] {
		busy.Add(1)
		g.alive.Add(1)
		go h()
	}
}

// leave ends a run.
func (g *gang) leave() {
	g.stop.Store(true)
	busy.Add(-1)
}

const half = 1<<32 - 1

// help takes parts until the run ends or the processor is needed elsewhere.
func (g *gang) help(worker int) {
	defer func() {
		busy.Add(-1)
		g.alive.Add(-1)
	}()
	for idle := 1; ; idle++ {
		if g.take(worker) {
			idle = 0
			continue
		}
		if g.stop.Load() || int(busy.Load()) > g.procs {
			return
		}
		if idle%64 == 0 {
			runtime.Gosched()
		}
	}
}

// take runs one part of the current loop, if any is left.
func (g *gang) take(worker int) bool {
	w := g.word.Load()
	next, total := w&half, w>>32
	if next >= total {
		return false
	}
	if !g.word.CompareAndSwap(w, w+1) {
		return true // another took it; there may be more
	}
	lo := int(next) * g.chunk
	g.body(worker, lo, min(lo+g.chunk, g.n))
	g.done.Add(1)
	return true
}

// Run calls body for ranges that cover 0..n; see graph.Workers.
func (g *gang) Run(n, grain int, body func(worker, lo, hi int)) {
	if n < 2*grain || g.alive.Load() == 0 {
		body(0, 0, n)
		return
	}
	parts := min(n/grain, 2*g.size)
	g.chunk = (n/grain + parts - 1) / parts * grain
	g.n, g.body = n, body
	parts = (n + g.chunk - 1) / g.chunk
	g.done.Store(0)
	g.word.Store(uint64(parts) << 32)
	for g.take(0) {
	}
	for spins := 1; int(g.done.Load()) < parts; spins++ {
		if spins%256 == 0 {
			runtime.Gosched()
		}
	}
}
