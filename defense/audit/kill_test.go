package audit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain runs the writer that TestKilledProcess kills when asked to.
func TestMain(m *testing.M) {
	if path := os.Getenv("AUDIT_TEST_WRITER"); path != "" {
		write(path)
	}
	os.Exit(m.Run())
}

// write appends for ever and prints every number that was acknowledged.
func write(path string) {
	l, err := Open(path, Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if _, err := l.Append(map[string]int{"i": i}); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// A process killed in the middle of its work loses no line that it acknowledged, time after time on one log.
func TestKilledProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	want := map[int]int{} // acknowledgements of each event
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "AUDIT_TEST_WRITER="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acked := -1
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			if _, err := fmt.Sscan(sc.Text(), &acked); err != nil {
				t.Errorf("writer: %s", sc.Text())
				break
			}
			want[acked]++
			if acked == 10+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		r, err := Verify(path, VerifyOptions{})
		if err != nil || !r.OK() {
			t.Fatalf("round %d: %v %v", round, err, r.Err())
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range want {
			if got := strings.Count(string(b), fmt.Sprintf(`"event":{"i":%d}`, i)); got < n {
				t.Fatalf("round %d: event %d was acknowledged %d times and is there %d times", round, i, n, got)
			}
		}
	}
}
