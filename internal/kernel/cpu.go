package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// cpuPath is an instruction set for which the package has kernels.
type cpuPath uint8

const (
	cpuGeneric cpuPath = iota // plain Go
	cpuAVX2                   // amd64 with AVX2 and FMA
	cpuAVX512                 // amd64 with AVX-512 F, BW, DQ and VL
	cpuNEON                   // arm64
)

// cpuNames are the names that PLUMBLINE_CPU and [UseCPU] take and [CPU] returns.
var cpuNames = [...]string{cpuGeneric: "generic", cpuAVX2: "avx2", cpuAVX512: "avx512", cpuNEON: "neon"}

// cpuCurrent is the path all kernels use; cpuNote says why PLUMBLINE_CPU was not followed.
var cpuCurrent, cpuNote = cpuChoose(os.Getenv("PLUMBLINE_CPU"))

// cpuChoose returns the path called name, or the fastest usable one and the reason when that name is
// empty (no reason), unknown or not usable here.
func cpuChoose(name string) (path cpuPath, note string) {
	usable := cpuUsable()
	best := usable[len(usable)-1]
	if name == "" {
		return best, ""
	}
	i := slices.Index(cpuNames[:], name)
	switch {
	case i < 0:
		return best, fmt.Sprintf("PLUMBLINE_CPU=%q is none of %s: using %s", name, strings.Join(cpuNames[:], ", "), cpuNames[best])
	case !slices.Contains(usable, cpuPath(i)):
		return best, fmt.Sprintf("PLUMBLINE_CPU=%s is not supported by this processor: using %s", name, cpuNames[best])
	}
	return cpuPath(i), ""
}

// CPU returns the name of the instruction set in use: "generic", "avx2", "avx512" or "neon".
func CPU() string { return cpuNames[cpuCurrent] }

// CPUNote returns why PLUMBLINE_CPU was not followed, or "".
func CPUNote() string { return cpuNote }

// CPUs returns the names usable on this processor, the slowest first.
func CPUs() []string {
	var names []string
	for _, p := range cpuUsable() {
		names = append(names, cpuNames[p])
	}
	return names
}

// UseCPU switches every kernel to the named instruction set and returns a function that switches back.
// It is for tests that compare paths in one process: no kernel may run meanwhile.
func UseCPU(name string) (restore func(), err error) {
	i := slices.Index(cpuNames[:], name)
	if i < 0 || !slices.Contains(cpuUsable(), cpuPath(i)) {
		return nil, fmt.Errorf("kernel: instruction set %q cannot be used here, only %s", name, strings.Join(CPUs(), ", "))
	}
	before := cpuCurrent
	cpuCurrent = cpuPath(i)
	return func() { cpuCurrent = before }, nil
}
