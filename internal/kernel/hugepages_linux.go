package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugeBytes is the size of a large page.
const hugeBytes = 2 << 20

// HugePages asks the system to keep s, freshly allocated and not yet written, in large pages. Panels that come from
// memory, hundreds of megabytes a pass, otherwise miss the address cache on every page of 4 KiB. It is advice: where
// it cannot be followed nothing changes but speed. Less than half a large page is left alone.
func HugePages[T any](s []T) {
	size := uintptr(len(s)) * unsafe.Sizeof(*new(T))
	if size < hugeBytes/2 {
		return
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	to := (from + size + hugeBytes - 1) &^ (hugeBytes - 1)
	from &^= hugeBytes - 1
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_HUGEPAGE)
}
