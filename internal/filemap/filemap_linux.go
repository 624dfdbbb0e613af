//go:build linux && (amd64 || arm64)

package filemap

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ranges are the addresses of all mappings.
var (
	mu     sync.Mutex
	ranges [][2]uintptr
)

func mapped(f *os.File, size int64) ([]byte, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	mu.Lock()
	defer mu.Unlock()
	ranges = append(ranges, [2]uintptr{from, from + uintptr(size)})
	return b, nil
}

// discard drops the whole pages of a range inside a mapping. They are unchanged pages of a file, so that reading them
// later brings the same content.
func discard(from, size uintptr) {
	page := uintptr(os.Getpagesize())
	first, last := (from+page-1)&^(page-1), (from+size)&^(page-1)
	if first >= last {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	for _, r := range ranges {
		if from >= r[0] && from+size <= r[1] {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, first, last-first, unix.MADV_DONTNEED)
			return
		}
	}
}
