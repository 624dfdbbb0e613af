package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// tableOf prints all runs in Markdown: one table for each list of budgets, one line for each attack.
func tableOf(title string, runs []*comparedRun) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", title)
	var order []string
	groups := map[string][]*comparedRun{}
	budgets := map[string]string{} // attack → its budgets
	for _, r := range runs {
		budgets[r.name] += " " + r.tm.String()
	}
	for _, r := range runs {
		key := budgets[r.name]
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	for _, key := range order {
		writeGroup(&b, groups[key])
	}
	return b.String()
}

// writeGroup prints the attacks that share their budgets.
func writeGroup(b *strings.Builder, runs []*comparedRun) {
	var names, budgets []string
	for _, r := range runs {
		if !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
		if e := r.tm.String(); !slices.Contains(budgets, e) {
			budgets = append(budgets, e)
		}
	}
	fmt.Fprintf(b, "\n| attack | n |")
	for _, e := range budgets {
		fmt.Fprintf(b, " %s | cosine |", e)
	}
	fmt.Fprintf(b, " forwards | backwards | queries | seconds |\n|---|---:|%s---:|---:|---:|---:|\n", strings.Repeat("---:|---:|", len(budgets)))
	most := slices.MaxFunc(runs, func(x, y *comparedRun) int { return len(x.images) - len(y.images) })
	fmt.Fprintf(b, "| none | %d |%s | | | |\n", len(most.images), strings.Repeat(fmt.Sprintf(" %s | 1.00 |", rightShare(most.images, true)), len(budgets)))
	for _, name := range names {
		var all []crafted
		line := ""
		n := 0
		for _, r := range runs {
			if r.name == name {
				line += fmt.Sprintf(" %s | %s |", rightShare(r.images, false), cosineCell(r.images))
				all, n = append(all, r.images...), len(r.images)
			}
		}
		fmt.Fprintf(b, "| `%s` | %d |%s%s\n", name, n, line, meanCost(all))
	}
}

// rightShare is the accuracy with its Wilson interval, in per cent, where a head was asked.
func rightShare(images []crafted, clean bool) string {
	right := 0
	if len(images) == 0 || images[0].Answer == "" {
		return "–"
	}
	for _, c := range images {
		if !clean && c.Answer == c.Label || clean && c.CleanAnswer == c.Label {
			right++
		}
	}
	n := len(images)
	i := stat.Wilson(right, n, 0.95)
	return fmt.Sprintf("%.0f (%.0f–%.0f)", 100*float64(right)/float64(n), 100*i.Lo, 100*i.Hi)
}

func cosineCell(images []crafted) string {
	sum, n := report.Number(0), 0
	for _, c := range images {
		if c.TokenCosine != nil {
			sum += *c.TokenCosine
			n++
		}
	}
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(sum)/float64(n))
}

// meanCost is the cost for one picture.
func meanCost(images []crafted) string {
	var f, g, q int
	var s float64
	for _, c := range images {
		f, g, q, s = f+c.Forwards, g+c.Backwards, q+c.Queries, s+c.Seconds
	}
	n := float64(len(images))
	return fmt.Sprintf(" %.0f | %.0f | %.0f | %.2g |", float64(f)/n, float64(g)/n, float64(q)/n, s/n)
}
