// Command plumbline tells how firmly a vision system stands on its encoder.
//
// Results go to standard output, progress and messages to standard error. Exit codes: 0 done and passed,
// 1 a gate failed, 2 wrong usage, 3 bad input, 4 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/attack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitDone        = 0
	exitGate        = 1
	exitUsage       = 2
	exitInput       = 3
	exitInterrupted = 4
)

// run carries out one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitCode(err)
	switch code {
	case exitGate: // the report has said it
	case exitInterrupted:
		fmt.Fprintln(stderr, "plumbline: interrupted; what was finished is kept, --resume continues")
	case exitUsage:
		fmt.Fprintf(stderr, "plumbline: %s\nSee plumbline --help.\n", message(err))
	default:
		fmt.Fprintf(stderr, "plumbline: %s\n", message(err))
	}
	return code
}

// usageError is a mistake on the command line or in a configuration file.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errGate says that a gate failed or could not be decided.
var errGate = errors.New("a gate did not pass")

func exitCode(err error) int {
	var usage usageError
	var eps *attack.EpsError
	var unknown *attack.UnknownError
	var syntax *attack.SyntaxError
	switch {
	case errors.Is(err, errGate):
		return exitGate
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &eps), errors.As(err, &unknown), errors.As(err, &syntax):
		return exitUsage
	}
	return exitInput
}

// message is the error without the package prefix that callers of the library see.
func message(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ") // one line, whatever a library wrote
	for _, p := range []string{"eval: ", "attack: ", "encoder: ", "models: ", "report: "} {
		text = strings.TrimPrefix(text, p)
	}
	return text
}

// exactly, atLeast and none check the number of arguments and report a mistake as wrong usage.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("want %s, got %d arguments", what, len(args))
		}
		return nil
	}
}
