//go:build !amd64 && !arm64

package kernel

// cpuUsable lists the paths this processor can run, the slowest first.
func cpuUsable() []cpuPath { return []cpuPath{cpuGeneric} }
