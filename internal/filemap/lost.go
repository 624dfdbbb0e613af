package filemap

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// mapping is a range of addresses and the file that is there.
type mapping struct {
	from, end uintptr
	path      string
}

var (
	mu       sync.Mutex
	mappings []mapping
)

// remember notes a mapping.
func remember(m mapping) {
	mu.Lock()
	defer mu.Unlock()
	mappings = append(mappings, m)
}

// fileAt is the file that is mapped at an address, or "".
func fileAt(address uintptr) string {
	mu.Lock()
	defer mu.Unlock()
	for _, m := range mappings {
		if m.from <= address && address < m.end {
			return m.path
		}
	}
	return ""
}

// Guard makes it an error of the calling function that a mapped file cannot be read, because it was shortened or its
// disk failed; without it, that ends the program. It holds for the calling goroutine until the function returns:
//
//	defer filemap.Guard(&err)()
func Guard(err *error) (done func()) {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		r := recover()
		if r == nil {
			return
		}
		lost := Lost(r)
		if lost == nil {
			panic(r)
		}
		*err = lost
	}
}

// Lost is the error that a recovered panic stands for if it came from reading a mapped file, otherwise nil.
func Lost(recovered any) error {
	fault, ok := recovered.(interface {
		error
		Addr() uintptr // see [debug.SetPanicOnFault]
	})
	if !ok {
		return nil
	}
	path := fileAt(fault.Addr())
	if path == "" {
		return nil
	}
	return fmt.Errorf("%s cannot be read any more: it was shortened while it was in use, or its disk failed: open it again", path)
}
