package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/report"
)

func newTransfer() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "transfer REPORT.json --attack NAME",
		Short: "Compare an attack with the others over all systems of a report",
		Long: `Transfer prints a table in Markdown: for each attack of the same budget its gradients for one image, the share of
the clean score beyond chance that systems keep under it on average, on how many systems NAME leaves less and
on how many more, and the p-value of a two-sided sign test over systems. Systems whose clean score lies less
than 0.1 beyond chance are left out.`,
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
			rows, err := eval.Transfers(r, name)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			fmt.Fprintf(w, "| ε | attack | gradients | systems | kept | %s leaves less | more | p |\n|---|---|---:|---:|---:|---:|---:|---:|\n", name)
			for _, t := range rows {
				if t.Other == "" {
					fmt.Fprintf(w, "| %s | `%s` | %.0f | %d | %.3f | | | |\n", t.Eps, t.Attack, t.Gradients, t.Systems, t.Kept)
					continue
				}
				fmt.Fprintf(w, "| %s | `%s` | %.0f | %d | %.3f | %d | %d | %.2g |\n", t.Eps, t.Other, t.Gradients, t.Systems, t.Kept, t.Wins, t.Loses, t.P)
			}
			return nil
		},
	}
	c.Flags().StringVar(&name, "attack", "", "name of the attack, as in the report")
	return c
}
