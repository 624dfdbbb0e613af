// Package filemap holds the weights of large model files as mappings of the file: their pages come in when they are
// read and are given back when they have been packed, so that memory holds the packed forms alone. What is given back
// can be read again at any time, from the file.
package filemap

import (
	"fmt"
	"os"
	"unsafe"
)

// Min is the size in bytes of the smallest file worth a mapping; tests lower it.
var Min int64 = 16 << 20

// File is a mapped file and what it was when it was mapped.
type File struct {
	path  string
	was   os.FileInfo
	bytes []byte
}

// Open maps an open file, which may be closed afterwards. It returns nil where the file is small or the system does
// not map files: then it has to be read. The mapping stays until the program ends, since slices of it are handed out
// as weights; address space and no memory is what that costs. Whoever reads them does so under [Guard].
func Open(f *os.File) *File {
	st, err := f.Stat()
	if err != nil || st.Size() < Min || st.Size() == 0 {
		return nil
	}
	b, err := mapped(f, st.Size())
	if err != nil {
		return nil
	}
	return &File{f.Name(), st, b}
}

// Bytes is the content. It may not be written to. Nothing in it is aligned.
func (f *File) Bytes() []byte { return f.bytes }

// Holds tells whether the file is mapped and has the bytes off ≤ i < end.
func (f *File) Holds(off, end int64) bool {
	return f != nil && off >= 0 && off <= end && end <= int64(len(f.bytes))
}

// Check reports whether the file was changed in place since it was mapped, which changes the mapping too. A file that
// was removed, renamed or replaced by renaming another has not been: the mapping keeps what it mapped.
func (f *File) Check() error {
	if f == nil {
		return nil
	}
	st, err := os.Stat(f.path)
	if err != nil || !os.SameFile(st, f.was) {
		return nil
	}
	if st.Size() != f.was.Size() || !st.ModTime().Equal(f.was.ModTime()) {
		return fmt.Errorf("%s was changed while it was in use: open it again", f.path)
	}
	return nil
}

// Mapped tells whether v lies in a mapped file.
func Mapped(v []float32) bool { return len(v) > 0 && fileAt(uintptr(unsafe.Pointer(&v[0]))) != "" }

// Discard gives back the memory of v if it lies in a mapped file.
func Discard(v []float32) {
	if len(v) > 0 {
		discard(uintptr(unsafe.Pointer(&v[0])), uintptr(len(v))*4)
	}
}

// DiscardBytes is Discard for bytes.
func DiscardBytes(b []byte) {
	if len(b) > 0 {
		discard(uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	}
}
