package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

func newReport() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Render, compare, merge and sum up reports",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRender(), newCompare(), newMerge(), newTransfer())
	return c
}

func newRender() *cobra.Command {
	var format, out, lang string
	c := &cobra.Command{
		Use:   "render REPORT.json --format html|md|junit|sarif [--out FILE]",
		Short: "Print a report in another format or language",
		Long: `Render reads a report.json and writes it as one self-contained HTML page, Markdown, JUnit XML or SARIF
2.1.0, to standard output or to a file. Pictures are taken from the report's own folder.`,
		Example: "  plumbline report render plumbline-report/report.json --format html --lang ja --out bericht.html",
		Args:    exactly(1, "one report.json"),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := parseLang(lang)
			if err != nil {
				return err
			}
			r, err := report.ReadFile(args[0])
			if err != nil {
				return err
			}
			dir := filepath.Dir(args[0])
			run, err := report.ReadRun(filepath.Join(dir, "run.json"))
			if err != nil {
				return err
			}
			write, err := renderer(r, run, format, l, dir)
			if err != nil {
				return err
			}
			if out == "" {
				return write(c.OutOrStdout())
			}
			return atomicfile.Write(out, write)
		},
	}
	c.Flags().StringVar(&format, "format", "html", "html, md, junit or sarif")
	c.Flags().StringVar(&out, "out", "", "file (default standard output)")
	c.Flags().StringVar(&lang, "lang", "en", "en or ja")
	return c
}

func renderer(r *report.Report, run *report.Run, format string, l report.Lang, dir string) (func(io.Writer) error, error) {
	switch format {
	case "html":
		return func(w io.Writer) error {
			return r.WriteHTML(w, report.HTMLOptions{Lang: l, Assets: os.DirFS(dir), Run: run})
		}, nil
	case "md":
		return func(w io.Writer) error { return r.WriteMarkdown(w, l, run) }, nil
	case "junit":
		return r.WriteJUnit, nil
	case "sarif":
		return r.WriteSARIF, nil
	}
	return nil, usagef("--format %q: want html, md, junit or sarif", format)
}

func newCompare() *cobra.Command {
	return &cobra.Command{
		Use:   "compare BEFORE.json AFTER.json",
		Short: "Compare two reports image by image",
		Long: `Compare pairs the images that both reports hold (same name, same pixels) and prints, for each system and
attack, the scores on them, the drop with its 95 % interval, and the p-value of no difference, adjusted for
all rows (Holm).`,
		Example: "  plumbline report compare baseline.json plumbline-report/report.json",
		Args:    exactly(2, "two report.json"),
		RunE: func(c *cobra.Command, args []string) error {
			before, err := report.ReadFile(args[0])
			if err != nil {
				return err
			}
			after, err := report.ReadFile(args[1])
			if err != nil {
				return err
			}
			changes, err := eval.Changes(before, after, 0.95)
			if err != nil {
				return err
			}
			if len(changes) == 0 {
				return errors.New("the two reports share no system and attack")
			}
			printTable(c.OutOrStdout(), changeRows(after, changes))
			return nil
		},
	}
}

func changeRows(r *report.Report, changes []eval.Change) [][]string {
	rows := [][]string{{"system", "attack", "images", "before", "after", "drop", "95 % interval", "p"}}
	p := make([]float64, len(changes))
	for i, c := range changes {
		p[i] = float64(c.PValue)
	}
	p = stat.Holm(p)
	for i, c := range changes {
		m := r.System(c.System).Metric
		if c.Drop.N == 0 {
			rows = append(rows, []string{c.System, c.Attack, "0", "–", "–", "–", "–", "–"})
			continue
		}
		rows = append(rows, []string{c.System, c.Attack, fmt.Sprint(c.Drop.N), m.Format(c.Before), m.Format(c.After),
			m.Format(c.Drop.Value), m.FormatInterval(c.Drop), fmt.Sprintf("%.3f", p[i])})
	}
	return rows
}

func newMerge() *cobra.Command {
	var out, baseline, lang string
	var gateTexts []string
	c := &cobra.Command{
		Use:   "merge DIR DIR… --out DIR",
		Short: "Join the shards of one evaluation",
		Long: `Merge reads the journals in the folders of runs made with --shard i/n, checks that they belong to one
evaluation and cover it, and writes the report that a single run would have written. Pictures stay in the
shards' folders; those needed for the gallery are copied. Of an interrupted run whose own attacks are done it
reports the defences whose trials are done, and names the others.`,
		Example: "  plumbline report merge part1/ part2/ --out plumbline-report",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 {
				return usagef("want the folders of the shards")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			l, err := parseLang(lang)
			if err != nil {
				return err
			}
			gates, err := config{Gates: gateTexts}.gates()
			if err != nil {
				return err
			}
			var base *report.Report
			if baseline != "" {
				if base, err = report.ReadFile(baseline); err != nil {
					return err
				}
			}
			r, run, err := merged(args, gates, base)
			if err != nil {
				return err
			}
			if err := copyPictures(r, args, out); err != nil {
				return err
			}
			if err := writeAll(out, r, run, l); err != nil {
				return err
			}
			printSummary(c.OutOrStdout(), r, run)
			fmt.Fprintf(c.OutOrStdout(), "\nreport: %s\n", filepath.Join(out, "report.html"))
			return gateError(r)
		},
	}
	c.Flags().StringVar(&out, "out", "plumbline-report", "folder for the report")
	c.Flags().StringArrayVar(&gateTexts, "gate", nil, "condition that must hold (default: those of the shards' configuration)")
	c.Flags().StringVar(&baseline, "baseline", "", "earlier report.json to compare with")
	c.Flags().StringVar(&lang, "lang", "en", "language first shown in the HTML: en or ja")
	return c
}

// merged assembles the journals in dirs. Without gates of its own it uses those of the configuration
// that the journals carry.
func merged(dirs []string, gates []eval.Gate, baseline *report.Report) (*report.Report, *report.Run, error) {
	var journals []*eval.Journal
	for _, d := range dirs {
		j, err := eval.ReadJournal(filepath.Join(d, eval.JournalName))
		if err != nil {
			return nil, nil, err
		}
		journals = append(journals, j)
	}
	if gates == nil {
		cfg, err := parseConfig([]byte(journals[0].Config()))
		if err != nil {
			return nil, nil, err
		}
		if gates, err = cfg.gates(); err != nil {
			return nil, nil, err
		}
	}
	return eval.Assemble(gates, baseline, journals...)
}

// copyPictures brings every picture of the report below out, from whichever shard has it.
func copyPictures(r *report.Report, dirs []string, out string) error {
	for _, im := range r.Images {
		for _, o := range im.Outcomes {
			if err := copyPicture(filepath.FromSlash(o.File), dirs, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyPicture(name string, dirs []string, out string) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the journal names the picture %q, which is no path below its folder", name)
	}
	for _, d := range dirs {
		raw, err := os.ReadFile(filepath.Join(d, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		to := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return atomicfile.Write(to, func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
	}
	return fmt.Errorf("no shard holds the picture %s", name)
}
