//go:build linux && (amd64 || arm64)

package filemap

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func mapped(f *os.File, size int64) ([]byte, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	remember(mapping{from, from + uintptr(size), f.Name()})
	return b, nil
}

// discard drops the whole pages of a range inside a mapping. They are unchanged pages of a file, so that reading them
// later brings the same content.
func discard(from, size uintptr) {
	page := uintptr(os.Getpagesize())
	first, last := (from+page-1)&^(page-1), (from+size)&^(page-1)
	if first < last && fileAt(from) != "" {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, first, last-first, unix.MADV_DONTNEED)
	}
}
