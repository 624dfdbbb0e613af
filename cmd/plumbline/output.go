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
		{"report.md", func(w io.Writer) error { return r.WriteMarkdown(w, lang, run) }},
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
func printSummary(w io.Writer, r *report.Report, run *report.Run) {
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
	printDefences(w, r, run)
	fmt.Fprintln(w)
	for _, g := range r.Gates {
		fmt.Fprintf(w, "%s: %s (%s)\n", g.Status, g.Expression, g.Reason)
	}
	fmt.Fprintln(w, r.Verdict.Headline)
	for _, p := range r.Verdict.Points {
		fmt.Fprintln(w, p)
	}
	for _, f := range r.Flags {
		fmt.Fprintf(w, "  doubt: %s\n", f.Text)
	}
}

// printDefences prints what each defence leaves under attackers who know it, then what that comes to.
func printDefences(w io.Writer, r *report.Report, run *report.Run) {
	for _, eps := range r.Budgets() {
		rows := [][]string{{"defences, ε = " + eps, "clean"}}
		for _, role := range report.DefenceRoles() {
			rows[0] = append(rows[0], role.String())
		}
		rows[0] = append(rows[0], "worst", "ms per image")
		var said []string
		for _, d := range r.Defences {
			if d.Eps != eps {
				continue
			}
			m, name := r.System(d.System).Metric, defenceName(r, d)
			row := []string{name, m.Format(d.Clean.Value)}
			for _, role := range report.Roles {
				if s := d.Role(role); s != nil {
					row = append(row, m.Format(s.Value))
				} else {
					row = append(row, "–")
				}
			}
			rows = append(rows, append(row, scoreCell(m, d.Worst), report.FormatLatency(run, d.Name)))
			said = append(said, name+": "+d.Verdict.String())
			for _, f := range d.Flags {
				said = append(said, "  doubt: "+f.Text.String())
			}
		}
		if len(rows) > 1 {
			fmt.Fprintln(w)
			printTable(w, rows)
			fmt.Fprintf(w, "\n%s\n", strings.Join(said, "\n"))
		}
	}
}

// defenceName names the system too where several are defended.
func defenceName(r *report.Report, d report.Defence) string {
	if r.Defences[len(r.Defences)-1].System == r.Defences[0].System {
		return d.Name
	}
	return d.Name + ", " + r.System(d.System).Name
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
