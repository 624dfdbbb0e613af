//go:build !amd64

package kernel

// No assembly packs on this architecture.

func packRows(dst []float32, to int, src []float32, ld, rows int) bool { return false }

func packTranspose(dst, src []float32, ld, blocks int) bool { return false }

func packWiden(f halfFormat, dst []float32, src []uint16) bool { return false }
