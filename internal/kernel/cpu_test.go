package kernel

import (
	"strings"
	"testing"
)

// cpuEach runs f as a subtest on every path this processor has, and restores the path in use.
func cpuEach(t *testing.T, f func(t *testing.T)) {
	for _, name := range CPUs() {
		t.Run(name, func(t *testing.T) {
			restore, err := UseCPU(name)
			if err != nil {
				t.Fatal(err)
			}
			defer restore()
			f(t)
		})
	}
}

// cpuLoop is cpuEach without subtests, for many small cases.
func cpuLoop(t testing.TB, f func(path string)) {
	for _, name := range CPUs() {
		restore, err := UseCPU(name)
		if err != nil {
			t.Fatal(err)
		}
		f(name)
		restore()
	}
}

func TestCPUChoose(t *testing.T) {
	usable := cpuUsable()
	best := usable[len(usable)-1]
	if p, note := cpuChoose(""); p != best || note != "" {
		t.Errorf("no wish: %v %q, want %v", p, note, best)
	}
	if p, note := cpuChoose("generic"); p != cpuGeneric || note != "" {
		t.Errorf("generic: %v %q", p, note)
	}
	if p, note := cpuChoose("mmx"); p != best || !strings.Contains(note, "mmx") {
		t.Errorf("an unknown name: %v %q", p, note)
	}
	for i, name := range cpuNames {
		p, note := cpuChoose(name)
		if usableHere := strings.Contains(strings.Join(CPUs(), " "), name); usableHere != (note == "") || usableHere && p != cpuPath(i) {
			t.Errorf("%s: path %v, note %q, usable %v", name, p, note, usableHere)
		}
	}
}

func TestUseCPURestores(t *testing.T) {
	before := CPU()
	restore, err := UseCPU("generic")
	if err != nil || CPU() != "generic" {
		t.Fatalf("CPU() = %s, error %v", CPU(), err)
	}
	restore()
	if CPU() != before {
		t.Errorf("CPU() = %s after restoring, want %s", CPU(), before)
	}
	if _, err := UseCPU("mmx"); err == nil {
		t.Error("an unknown path was accepted")
	}
}
