package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// newProgress returns a function that shows done of total on w, and one that removes the display. Both do
// nothing unless w is a terminal.
func newProgress(w io.Writer, what string) (show func(done, total int), end func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int, int) {}, func() {}
	}
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	show = func(done, total int) {
		bar.ChangeMax(total)
		_ = bar.Set(done) // a display that fails is no reason to stop
	}
	return show, func() { _ = bar.Finish() }
}
