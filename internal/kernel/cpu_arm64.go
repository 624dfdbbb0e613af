package kernel

// cpuUsable lists the paths this processor can run, the slowest first. Every arm64 processor that Go
// supports has NEON.
func cpuUsable() []cpuPath { return []cpuPath{cpuGeneric, cpuNEON} }
