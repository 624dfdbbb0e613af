package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// writeAll writes a report in every format into dir.
func writeAll(dir string, r *report.Report, run *report.Run, lang report.Lang) error {
	assets := os.DirFS(dir)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"run.json", func(w io.Writer) error { return writeJSON(w, run) }},
		{"report.json", r.Write},
		{"report.md", func(w io.Writer) error { return r.WriteMarkdown(w, lang) }},
		{"report.junit.xml", r.WriteJUnit},
		{"report.sarif", r.WriteSARIF},
		{"report.html", func(w io.Writer) error {
			return r.WriteHTML(w, report.HTMLOptions{Lang: lang, Assets: assets, Run: run})
		}},
	} {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes a value for machines that people can read as well.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}

// printSummary prints the matrix, the gates and the verdict for a terminal of eighty columns and more.
func printSummary(w io.Writer, r *report.Report) {
	fmt.Fprintf(w, "%s: %d images, judged from 8-bit PNG files; 95 %% intervals in parentheses\n", r.Title, len(r.Images))
	for _, eps := range r.Budgets() {
		attacks := append([]report.Attack{r.Attacks[0]}, r.At(eps)...)
		rows := [][]string{{"ε = " + eps}}
		for _, a := range attacks {
			rows[0] = append(rows[0], a.Name)
		}
		for _, s := range r.Systems {
			row := []string{s.Name + ", " + s.Metric.Name}
			for _, a := range attacks {
				cell := "–"
				if c := r.Cell(s.ID, a.ID); c != nil {
					cell = scoreCell(s.Metric, c.Score)
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		fmt.Fprintln(w)
		printTable(w, rows)
	}
	fmt.Fprintln(w)
	for _, g := range r.Gates {
		fmt.Fprintf(w, "%s: %s (%s)\n", g.Status, g.Expression, g.Reason)
	}
	fmt.Fprintln(w, r.Verdict.Headline)
	for _, p := range r.Verdict.Points {
		fmt.Fprintln(w, p)
	}
}

func scoreCell(m report.Metric, s report.Score) string {
	if i := m.FormatInterval(s); i != "" {
		return m.Format(s.Value) + " (" + i + ")"
	}
	return m.Format(s.Value)
}

// printTable aligns columns, the first to the left and the others to the right.
func printTable(w io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
