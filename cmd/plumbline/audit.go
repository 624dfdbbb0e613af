package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/defense/audit"
)

func newAudit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Check the audit log of an inspection line",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newAuditVerify())
	return c
}

// auditFlags are the flags of audit verify.
type auditFlags struct {
	keyFile, head string
	json          bool
}

func newAuditVerify() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "verify LOG",
		Short: "Say whether a line of an audit log was changed, removed, reordered or cut off",
		Long: `Verify reads an audit log, as "plumbline guard" writes it, from its first line and names every line that does
not fit. The exit code is 0 for an intact log, 1 for one that was tampered with, 3 for a file that cannot be read.

It prints the head of the log: the number of its lines and the hash of the last one. Noted down in another place
and given with --head next time, it proves that nothing up to that line was rewritten, even by somebody who can
write the log and its head file. A log written with a key needs the same key here.`,
		Example: `  plumbline audit verify line3.audit
  plumbline audit verify line3.audit --head 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: exactly(1, "one log"),
		RunE: func(c *cobra.Command, args []string) error { return auditVerify(c.OutOrStdout(), args[0], f) },
	}
	c.Flags().StringVar(&f.keyFile, "key-file", "", "file with the secret that the log was written with")
	c.Flags().StringVar(&f.head, "head", "", "head noted down earlier, LINES:HASH, that the log must still hold")
	c.Flags().BoolVar(&f.json, "json", false, "print the findings as JSON")
	return c
}

func auditVerify(w io.Writer, path string, f auditFlags) error {
	key, err := readKey(f.keyFile)
	if err != nil {
		return err
	}
	o := audit.VerifyOptions{Key: key}
	if f.head != "" {
		if o.Want, err = parseHead(f.head); err != nil {
			return err
		}
	}
	r, err := audit.Verify(path, o)
	if err != nil {
		return err
	}
	if err := printAudit(w, path, r, f.json); err != nil {
		return err
	}
	if !r.OK() {
		return errGate
	}
	return nil
}

func printAudit(w io.Writer, path string, r *audit.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "%s: %s\n", path, p)
	}
	if r.Torn > 0 {
		fmt.Fprintf(w, "%s: %d bytes of an unfinished line at the end; it was never acknowledged\n", path, r.Torn)
	}
	if r.OK() {
		fmt.Fprintf(w, "%s: intact, head %d:%s\n", path, r.Head.Lines, r.Head.Hash)
	}
	return nil
}

// maxKey bounds a key file.
const maxKey = 1 << 16

// readKey reads a secret; white space around it does not belong to it. No file is no key.
func readKey(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key := bytes.TrimSpace(raw)
	if len(key) == 0 || len(raw) > maxKey {
		return nil, fmt.Errorf("%s: want a key of 1 to %d bytes", path, maxKey)
	}
	return key, nil
}

// parseHead reads LINES:HASH.
func parseHead(text string) (audit.Head, error) {
	lines, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(lines, 10, 64)
	if !ok || err != nil || n == 0 || len(hash) != 64 {
		return audit.Head{}, usagef("--head %q: want LINES:HASH with a hash of 64 hexadecimal digits", text)
	}
	return audit.Head{Lines: n, Hash: strings.ToLower(hash)}, nil
}
