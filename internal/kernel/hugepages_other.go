//go:build !linux

package kernel

// HugePages asks the system to keep s in large pages, which only Linux is asked for.
func HugePages[T any](s []T) {}
