package report

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestChromium opens the page in a browser. The page's own policy forbids every request, so a request
// would be a console error; so would a script that fails.
func TestChromium(t *testing.T) {
	browser := findBrowser(t)
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(render(t, HTMLOptions{Lang: English})), 0o644); err != nil {
		t.Fatal(err)
	}
	dom, log := browse(t, browser, "--dump-dom", "file://"+path)
	if m := regexp.MustCompile(`(?m)^.*:CONSOLE.*$`).FindString(log); m != "" {
		t.Errorf("the console says: %s", m)
	}
	// The script ran: it is what uncovers the language buttons.
	if !strings.Contains(dom, `<div class="langs" role="group" aria-label="Language">`) {
		t.Error("the page's script did not run")
	}
	if n := strings.Count(dom, `<table class="matrix">`); n != 2 {
		t.Errorf("%d matrices in the page, want one per budget", n)
	}
	if n := strings.Count(dom, `<table class="matrix defences">`); n != 1 {
		t.Errorf("%d tables of defences in the page, want one for the budget that has any", n)
	}
	if n := strings.Count(dom, `class="chart"`); n != 3+2 {
		t.Errorf("%d charts, want three curves and two drifts", n)
	}
}

// TestChromiumSeesARequest shows that the test above could fail: a page with the same policy and a
// picture from elsewhere is reported on the console.
func TestChromiumSeesARequest(t *testing.T) {
	browser := findBrowser(t)
	page := strings.Replace(render(t, HTMLOptions{Lang: English}), "<main>", `<main><img src="http://localhost:9/x.png" alt="">`, 1)
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, log := browse(t, browser, "--dump-dom", "file://"+path); !strings.Contains(log, "Content Security Policy") {
		t.Errorf("a request was not noticed; log:\n%s", log)
	}
}

func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed")
	return ""
}

func browse(t *testing.T, browser string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-dev-shm-usage", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, browser, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, log.String())
	}
	return out.String(), log.String()
}
