package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxJSON bounds a report read from disk; ten thousand images with a hundred outcomes stay below it.
const maxJSON = 1 << 30

// Write writes r as indented JSON. Equal reports give equal bytes.
func (r *Report) Write(w io.Writer) error {
	if err := r.Validate(); err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// Read reads a report and checks it (see [Report.Validate]). Unknown fields are errors: they would be
// lost when the report is written again.
func Read(src io.Reader) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(src, maxJSON+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxJSON {
		return nil, fmt.Errorf("report: more than %d bytes", maxJSON)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("report: schema is %q, this program reads %q", head.Schema, Schema)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	r := new(Report)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return r, r.Validate()
}

// ReadFile reads the report at path.
func ReadFile(path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Run is what differs between two runs of one claim: when, where and how long. It is kept beside the
// report, never inside.
type Run struct {
	Started time.Time          `json:"started"`
	Seconds float64            `json:"seconds"`
	Machine string             `json:"machine"` // system, architecture, processor threads used
	Attacks map[string]float64 `json:"attacks"` // attack identifier → seconds

	Latency map[string]Latency `json:"latency,omitempty"` // defence → what it costs
}

// ReadRun reads a Run; a missing file gives nil without an error.
func ReadRun(path string) (*Run, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	run := new(Run)
	if err := json.Unmarshal(raw, run); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return run, nil
}
