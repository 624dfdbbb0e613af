package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// edgeSlots are memory blocks followed by a page that cannot be read, one for each operand of a kernel under test.
var edgeSlots [16][]byte

const edgeBytes = 1 << 20

// edge returns n floats that end where an unreadable page begins.
func edge(slot, n int) []float32 {
	if n == 0 || 4*n > edgeBytes {
		return make([]float32, n)
	}
	if edgeSlots[slot] == nil {
		page := unix.Getpagesize()
		b, err := unix.Mmap(-1, 0, edgeBytes+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			panic(err)
		}
		if err := unix.Mprotect(b[edgeBytes:], unix.PROT_NONE); err != nil {
			panic(err)
		}
		edgeSlots[slot] = b
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&edgeSlots[slot][edgeBytes-4*n])), n)
	clear(x)
	return x
}
