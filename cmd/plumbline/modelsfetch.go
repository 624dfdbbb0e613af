package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/models"
)

// origin says where a file is and what proves it whole.
func origin(f models.File) string {
	switch {
	case f.URL == "":
		return fmt.Sprintf("%s, %d bytes, sha256 %s", f.Name, f.Bytes, f.SHA256)
	case f.SHA256 == "":
		return fmt.Sprintf("%s from %s, sha256 unknown", f.Name, f.URL)
	}
	return fmt.Sprintf("%s from %s, %d bytes, sha256 %s", f.Name, f.URL, f.Bytes, f.SHA256)
}

// fetchModel downloads a published model.
func fetchModel(c *cobra.Command, name, out string, accept bool) error {
	card, err := models.RemoteCard(name)
	if err != nil {
		return usageError{err}
	}
	if len(card.Files) == 0 {
		return usagef("%s cannot be fetched. %s", name, card.Export)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, f := range card.Files {
		show, end := newProgress(c.ErrOrStderr(), f.Name)
		d := models.Fetcher{AcceptUnknown: accept, Progress: func(done, total int64) {
			if total > 0 {
				show(int(done>>20), int(total>>20)+1)
			}
		}}
		path, err := d.Fetch(c.Context(), f, out)
		end()
		if errors.Is(err, models.ErrUnknownHash) {
			return usagef("%w: --accept-unknown-hash fetches it all the same", err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), path)
		if f.SHA256 == "" {
			sum, err := hashFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "plumbline: nothing was there to check %s against; its sha256 is %s\n", path, sum)
		}
	}
	return nil
}
