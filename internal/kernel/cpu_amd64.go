package kernel

import "golang.org/x/sys/cpu"

// cpuUsable lists the paths this processor can run, the slowest first.
func cpuUsable() []cpuPath {
	paths := []cpuPath{cpuGeneric}
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA {
		return paths
	}
	paths = append(paths, cpuAVX2)
	if x.HasBMI2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		paths = append(paths, cpuAVX512)
	}
	return paths
}
