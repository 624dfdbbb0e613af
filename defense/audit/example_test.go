package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plumbline-ml/plumbline/defense/audit"
)

// A log whose third line was changed afterwards.
func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "audit.jsonl")
	l, err := audit.Open(path, audit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range []string{"pass", "stop", "pass"} {
		if _, err := l.Append(map[string]string{"action": action}); err != nil {
			fmt.Println(err)
		}
	}
	l.Close()
	text, _ := os.ReadFile(path)
	_ = os.WriteFile(path, []byte(strings.Replace(string(text), "stop", "pass", 1)), 0o600)
	r, err := audit.Verify(path, audit.VerifyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range r.Problems {
		fmt.Println(p)
	}
	// Output: line 3: changed: the hash does not fit the line
}
