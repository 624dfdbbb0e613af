package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/attack"
)

func newAttackList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Print every attack, what it needs and the norms it is defined for",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "attack\tneeds\tnorms\twhat it does")
			for _, e := range attack.List() {
				a, err := attack.Parse(e.Name)
				if err != nil {
					return err
				}
				n := attack.NeedsOf(a)
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.Name, needsText(n), normsText(n.Norms), e.Doc)
			}
			fmt.Fprintln(w, "\nParameters and parts: docs/attacks.md")
			return w.Flush()
		},
	}
}

// needsText names the flags that the attack does not run without.
func needsText(n attack.Needs) string {
	var out []string
	for _, p := range []struct {
		needed bool
		flag   string
	}{{n.Head, "--head"}, {n.Image, "--target"}, {n.Embedding, "--target-text"}, {n.Prototypes, "--prototypes"}} {
		if p.needed {
			out = append(out, p.flag)
		}
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, " ")
}

func normsText(norms []attack.Norm) string {
	if len(norms) == 5 {
		return "all"
	}
	var out []string
	for _, n := range norms {
		out = append(out, string(n))
	}
	return strings.Join(out, " ")
}
