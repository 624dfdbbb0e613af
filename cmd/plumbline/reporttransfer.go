package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/report"
)

func newTransfer() *cobra.Command {
	var name string
	var journals []string
	c := &cobra.Command{
		Use:   "transfer REPORT.json --attack NAME",
		Short: "Compare an attack with the others over all systems of a report",
		Long: `Transfer prints a table in Markdown: for each attack of the same budget its gradients for one image, the share of
the clean score beyond chance that systems keep under it on average, on how many systems NAME leaves less and
on how many more, and the p-value of a two-sided sign test over systems. Systems whose clean score lies less
than 0.1 beyond chance are left out.

Where the journal of the run still lies beside the report, the difference of the means is given with a 95 % BCa
interval over images that are resampled together for both attacks, and its p-value, adjusted by Holm over all
rows. The sign test asks about systems, the bootstrap about images. For a report merged of shards, --journal
names the journal of each.`,
		Example: "  plumbline report transfer plumbline-report/report.json --attack plumb",
		Args:    exactly(1, "one report.json"),
		RunE: func(c *cobra.Command, args []string) error {
			if name == "" {
				return usagef("--attack is required")
			}
			r, err := report.ReadFile(args[0])
			if err != nil {
				return err
			}
			parts, err := transferJournals(args[0], journals)
			if err != nil {
				return err
			}
			rows, err := eval.Transfers(r, name, parts...)
			if err != nil {
				return err
			}
			writeTransfers(c.OutOrStdout(), name, rows, len(parts) > 0)
			return nil
		},
	}
	c.Flags().StringVar(&name, "attack", "", "name of the attack, as in the report")
	c.Flags().StringArrayVar(&journals, "journal", nil, "journal.jsonl of the run (repeatable; default: the one beside the report)")
	return c
}

// transferJournals reads the journals named, or the one in the folder of a report; without one there is nothing to
// resample.
func transferJournals(path string, names []string) ([]*eval.Journal, error) {
	var out []*eval.Journal
	for _, name := range names {
		j, err := eval.ReadJournal(name)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	if len(names) > 0 {
		return out, nil
	}
	j, err := eval.ReadJournal(filepath.Join(filepath.Dir(path), eval.JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return []*eval.Journal{j}, err
}

// writeTransfers prints the table.
func writeTransfers(w io.Writer, name string, rows []eval.Transfer, resampled bool) {
	more, rule := "", ""
	if resampled {
		more, rule = " difference of kept | p, images |", "---:|---:|"
	}
	fmt.Fprintf(w, "| ε | attack | gradients | systems | kept | %s leaves less | more | p, systems |%s\n|---|---|---:|---:|---:|---:|---:|---:|%s\n", name, more, rule)
	for _, t := range rows {
		shown := t.Other
		if shown == "" {
			shown = t.Attack
		}
		fmt.Fprintf(w, "| %s | `%s` | %.0f | %d | %.3f |", t.Eps, shown, t.Gradients, t.Systems, t.Kept)
		switch {
		case t.Other == "" && resampled:
			fmt.Fprintln(w, " | | | | |")
		case t.Other == "":
			fmt.Fprintln(w, " | | |")
		case resampled:
			d := t.Difference
			fmt.Fprintf(w, " %d | %d | %.2g | %+.3f (%+.3f to %+.3f) | %.2g |\n", t.Wins, t.Loses, t.P, d.Value, d.Interval.Lo, d.Interval.Hi, d.P)
		default:
			fmt.Fprintf(w, " %d | %d | %.2g |\n", t.Wins, t.Loses, t.P)
		}
	}
}
