package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGangCoversEveryIndexOnce runs loops of many lengths and grains, several gangs at once.
func TestGangCoversEveryIndexOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g := newGang(4)
			g.enter()
			defer g.leave()
			for n := 0; n < 300; n += 7 {
				for _, grain := range []int{1, 3, 64} {
					coverOnce(t, g, n, grain)
				}
			}
		}()
	}
	wg.Wait()
}

func coverOnce(t *testing.T, g *gang, n, grain int) {
	seen := make([]atomic.Int32, n)
	var active [4]atomic.Int32
	g.Run(n, grain, func(worker, lo, hi int) {
		if active[worker].Add(1) != 1 {
			t.Errorf("worker %d runs two parts at once", worker)
		}
		if lo%grain != 0 && n >= 2*grain {
			t.Errorf("a part of %d starts at %d, not a multiple of %d", n, lo, grain)
		}
		for i := lo; i < hi; i++ {
			seen[i].Add(1)
		}
		active[worker].Add(-1)
	})
	for i := range seen {
		if c := seen[i].Load(); c != 1 {
			t.Fatalf("index %d of %d was run %d times", i, n, c)
		}
	}
}

// TestGangLeavesNoGoroutines checks that helpers end with the run.
func TestGangLeavesNoGoroutines(t *testing.T) {
	g := newGang(3)
	for range 50 {
		g.enter()
		g.Run(1000, 10, func(_, lo, hi int) {})
		g.leave()
	}
	g.enter() // waits for the helpers of the last run
	if n := busy.Load(); n < 1 {
		t.Errorf("%d goroutines count as busy during a run", n)
	}
	g.leave()
	deadline := time.Now().Add(10 * time.Second)
	for busy.Load() != 0 { // helpers of other tests may be leaving too
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines still count as busy", busy.Load())
		}
		runtime.Gosched()
	}
}
