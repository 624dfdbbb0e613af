package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/plumbline-ml/plumbline/internal/train"
)

// trainingLog writes a line of progress every few seconds, at every validation, and at the end.
func trainingLog(w io.Writer, attacked bool) func(train.Progress) {
	var last time.Time
	return func(p train.Progress) {
		if time.Since(last) < 5*time.Second && math.IsNaN(p.Validation) && p.Step != p.Steps {
			return
		}
		last = time.Now()
		loss := fmt.Sprintf("loss %.5g", p.Loss)
		if attacked {
			loss = fmt.Sprintf("robust loss %.5g, loss %.5g", p.Loss, p.Clean)
		}
		if !math.IsNaN(p.Validation) {
			loss += fmt.Sprintf(", validation %.5g", p.Validation)
		}
		fmt.Fprintf(w, "step %d of %d: %s, gradient %.3g, rate %.3g, %.1f images/s, %s left\n",
			p.Step, p.Steps, loss, p.Norm, p.LR, p.PerSecond, p.Left.Round(time.Second))
	}
}
