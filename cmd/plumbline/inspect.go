package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

func newInspect() *cobra.Command {
	var asJSON, plan bool
	c := &cobra.Command{
		Use:   "inspect MODEL.onnx",
		Short: "Say what an encoder is: geometry, tokens, taps, preprocessing",
		Long: `Inspect reads an ONNX vision encoder and prints what was found in its graph: input size, patches, width,
depth, heads, prefix tokens, pooled output, preprocessing, and the taps that encode, grad and attacks can
use. What was assumed rather than read is listed as warnings. MODEL may name an embedded model.`,
		Example: "  plumbline inspect clip-vit-b32.onnx\n  plumbline inspect inspect-tiny --json",
		Args:    exactly(1, "one model"),
	}
	options := encoderFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		enc, artifact, err := openEncoder(args[0], options()...)
		if err != nil {
			return err
		}
		v := inspection{File: artifact.Name, SHA256: artifact.SHA256, Spec: enc.Spec(), Taps: taps(enc.Spec()),
			Arithmetic: arithmetic(), Note: kernel.CPUNote()}
		if plan {
			if err := v.addPlan(enc); err != nil {
				return err
			}
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(v)
		}
		if err := v.print(c.OutOrStdout()); err != nil {
			return err
		}
		return v.printPlan(c.OutOrStdout())
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&plan, "plan", false, "also print the operators that run for one image, fused ones as one")
	return c
}

// inspection is what inspect prints.
type inspection struct {
	File       string        `json:"file"`
	SHA256     string        `json:"sha256"`
	Spec       encoder.Spec  `json:"spec"`
	Taps       []encoder.Tap `json:"taps"`
	Arithmetic string        `json:"arithmetic"`
	Note       string        `json:"arithmetic_note,omitempty"`

	Plan *encoder.Schedule `json:"plan,omitempty"`
}

// addPlan notes how the pooled output, or the last tap there is, is computed.
func (v *inspection) addPlan(enc *encoder.Model) error {
	if len(v.Taps) == 0 {
		return usagef("--plan: %s has no taps", v.File)
	}
	s, err := enc.Schedule(false, v.Taps[len(v.Taps)-1])
	v.Plan = &s
	return err
}

// printPlan writes one operator a line.
func (v inspection) printPlan(w io.Writer) error {
	if v.Plan == nil {
		return nil
	}
	if _, err := fmt.Fprintf(w, "plan        %d operators, %d bytes of working memory\n", len(v.Plan.Steps), v.Plan.Arena); err != nil {
		return err
	}
	for _, s := range v.Plan.Steps {
		if _, err := fmt.Fprintf(w, "            %-40s %v\n", s.Op, s.Shape); err != nil {
			return err
		}
	}
	return nil
}

// taps lists the named taps of an encoder; any tensor of the graph can be tapped by its name as well.
func taps(s encoder.Spec) []encoder.Tap {
	var out []encoder.Tap
	if s.Depth > 0 {
		out = append(s.Layers(), encoder.Tokens)
	}
	if s.Embedding > 0 {
		out = append(out, encoder.Embedding)
	}
	return out
}

// arithmetic names the system and the instruction path of the kernels.
func arithmetic() string { return runtime.GOARCH + " " + kernel.CPU() }

func (v inspection) print(w io.Writer) error {
	s := v.Spec
	var names []string
	for _, t := range v.Taps {
		names = append(names, string(t))
	}
	rows := [][2]string{
		{"model", v.File},
		{"sha256", v.SHA256},
		{"input", fmt.Sprintf("3×%d×%d", s.ImageSize[0], s.ImageSize[1])},
		{"patches", fmt.Sprintf("%d×%d of %d pixels", s.Grid[0], s.Grid[1], s.Patch)},
		{"tokens", fmt.Sprintf("%d of width %d (%s)", s.Tokens, s.Width, prefix(s))},
		{"blocks", fmt.Sprintf("%d with %d heads", s.Depth, s.Heads)},
		{"embedding", fmt.Sprint(s.Embedding)},
		{"preprocessing", preprocessing(s.Preproc)},
		{"taps", strings.Join(names, " ")},
		{"arithmetic", v.Arithmetic},
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(w, "%-14s %s\n", r[0], r[1]); err != nil {
			return err
		}
	}
	for _, x := range append(s.Warnings, v.Note) {
		if x == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-14s %s\n", "warning", x); err != nil {
			return err
		}
	}
	return nil
}

func prefix(s encoder.Spec) string {
	switch {
	case s.CLS && s.Registers > 0:
		return fmt.Sprintf("class token, %d registers, patches", s.Registers)
	case s.CLS:
		return "class token, patches"
	case s.Registers > 0:
		return fmt.Sprintf("%d registers, patches", s.Registers)
	}
	return "patches only"
}

func preprocessing(p encoder.Preprocess) string {
	filter := p.Filter
	if filter == "" {
		filter = encoder.Bicubic
	}
	return fmt.Sprintf("resize %s %s, crop %s, mean %.4g, std %.4g (%s)", side(p.Resize), filter, side(p.Crop), p.Mean, p.Std, p.Source)
}

// side prints a size; {n, 0} is the shorter side.
func side(s [2]int) string {
	switch {
	case s == [2]int{}:
		return "none"
	case s[1] == 0:
		return fmt.Sprintf("shorter side %d", s[0])
	}
	return fmt.Sprintf("%d×%d", s[0], s[1])
}
