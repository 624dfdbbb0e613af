package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
	"github.com/plumbline-ml/plumbline/models"
)

func newModels() *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List, fetch and verify models",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsList(), newModelsPull(), newModelsVerify())
	return c
}

func newModelsList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the models with source, licence and limits",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			var cards []models.Card
			for _, name := range models.Names() {
				m, err := models.Open(name)
				if err != nil {
					return err
				}
				cards = append(cards, m.Card)
			}
			for _, name := range models.RemoteNames() {
				card, err := models.RemoteCard(name)
				if err != nil {
					return err
				}
				cards = append(cards, card)
			}
			w := c.OutOrStdout()
			if asJSON {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(cards)
			}
			for _, k := range cards {
				fmt.Fprintf(w, "%s  %s\n  %s\n  source   %s\n  licence  %s\n", k.Name, k.Summary, k.Architecture, k.Source, k.License)
				for _, d := range k.Data {
					fmt.Fprintf(w, "  data     %s: %s (%s)\n", d.Name, d.Split, d.Terms)
				}
				for _, f := range k.Files {
					fmt.Fprintf(w, "  file     %s\n", origin(f))
				}
				if k.Export != "" {
					fmt.Fprintf(w, "  export   %s\n", k.Export)
				}
				fmt.Fprintf(w, "  limits   %s\n", k.Limits)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the cards as JSON")
	return c
}

func newModelsPull() *cobra.Command {
	var out string
	var accept bool
	c := &cobra.Command{
		Use:   "pull NAME --out DIR",
		Short: "Write a model's files into a folder",
		Long: `Pull copies an embedded model to a folder, or fetches a published one over HTTPS from where its card says. A
download that was interrupted is continued; a file appears under its name when length and SHA-256 are right.
Where the card states no SHA-256, pull refuses unless told to accept that.`,
		Args: exactly(1, "one model's name"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is required")
			}
			if !slices.Contains(models.Names(), args[0]) {
				return fetchModel(c, args[0], out, accept)
			}
			m, err := models.Open(args[0])
			if err != nil {
				return err
			}
			folder, err := models.Files(args[0])
			if err != nil {
				return err
			}
			for _, f := range m.Card.Files {
				path := filepath.Join(out, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return err
				}
				if err := atomicfile.Write(path, func(w io.Writer) error {
					content, err := fs.ReadFile(folder, f.Name)
					if err != nil {
						return err
					}
					_, err = w.Write(content)
					return err
				}); err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), path)
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder for the files")
	c.Flags().BoolVar(&accept, "accept-unknown-hash", false, "fetch files whose card states no SHA-256")
	return c
}

func newModelsVerify() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "verify [NAME] [--dir DIR]",
		Short: "Compare models with the lengths and SHA-256 of their cards",
		Long: `Verify checks the embedded models, or with --dir a model's files in a folder, against length and SHA-256
in the model's card.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && dir != "" {
				return usagef("want one model's name")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = models.Names()
			}
			for _, name := range args {
				m, err := models.Open(name) // which verifies the embedded files
				if err != nil {
					return err
				}
				for _, f := range m.Card.Files {
					if err := verifyFile(dir, f); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "%s/%s: whole\n", name, f.Name)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder with the model's files (default: the embedded ones)")
	return c
}

func verifyFile(dir string, f models.File) error {
	if dir == "" {
		return nil
	}
	r, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer r.Close()
	return f.Verify(r)
}
