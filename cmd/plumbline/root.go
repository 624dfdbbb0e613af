package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

// newRoot builds the command tree anew, so that runs share nothing.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "plumbline",
		Short: "Tell how firmly a vision system stands on its encoder",
		Long: `Plumbline loads a vision encoder from ONNX, crafts adversarial images from the encoder alone, replays
them on the systems that share the encoder, and passes or fails the deployment.

Start with "plumbline check": without arguments it uses an embedded encoder and twelve photographs.`,
		Args:          noArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	root.AddCommand(newCheck(), newAttack(), newInspect(), newEncode(), newGrad(), newExportGradient(), newReport(), newModels(), newBench(), newFinetune(), newTrain(), newSurfaces(), newGuard(), newAudit(), newMembership(), newCertify(), newDetectors())
	return root
}

// noArguments refuses an unknown command or a stray argument as wrong usage.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		return usagef("there is no command %q in %q", args[0], c.CommandPath())
	}
	return usagef("%q takes no argument, got %q", c.CommandPath(), args[0])
}

// version is the module's version, or "devel" when it was built from a working copy.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
