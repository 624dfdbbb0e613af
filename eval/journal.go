package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/eval/report"
)

// journalSchema names the version of the journal's lines.
const journalSchema = "plumbline.journal/1"

// header is the first line of a journal: what it is about. Two journals of one claim differ in Shard
// only.
type header struct {
	Schema  string          `json:"schema"`
	Title   string          `json:"title"`
	Claim   report.Claim    `json:"claim"` // without what only the images tell
	Systems []report.System `json:"systems"`
	Attacks []report.Attack `json:"attacks"` // without their cost
	Gaps    []report.Text   `json:"gaps"`
	Flags   []report.Flag   `json:"flags,omitempty"`  // doubts from before the run
	Trials  []string        `json:"trials,omitempty"` // folders of the trials of defences, each with a journal
	Trial   *trialHead      `json:"trial,omitempty"`  // what this journal is the trial of
	Samples int             `json:"samples"`          // images of the whole data set
	Shard   int             `json:"shard"`
	Shards  int             `json:"shards"`
}

// line is any other line; exactly one field is set.
type line struct {
	Image *imageLine `json:"image,omitempty"`
	Skip  *skipLine  `json:"skip,omitempty"`
	Entry *entry     `json:"entry,omitempty"`

	Latency *report.Latency `json:"latency,omitempty"` // never part of a report
}

type imageLine struct {
	Index  int    `json:"index"` // in the whole data set
	ID     string `json:"id"`
	SHA256 string `json:"sha256"` // of the 8-bit pixels
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Label  string `json:"label"`
}

type skipLine struct {
	Index  int    `json:"index"`
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// entry is one finished (image, attack).
type entry struct {
	Index     int            `json:"index"`
	Attack    string         `json:"attack"`
	System    string         `json:"system,omitempty"` // the only one that was attacked and asked; "" for all
	Outcome   report.Outcome `json:"outcome"`          // without answers
	Responses []Response     `json:"responses"`        // by system, or of System alone; from the file
	Float     []Response     `json:"float"`            // the same from the unrounded image
	Cost      report.Cost    `json:"cost"`
	Seconds   float64        `json:"seconds"` // never part of a report
}

// name is the attack's, with the system where it concerns one alone.
func (e *entry) name() string {
	if e.System == "" {
		return e.Attack
	}
	return e.Attack + " on " + e.System
}

// key identifies an entry.
type key struct {
	index          int
	attack, system string
}

// Journal is what a run has finished so far, in memory and, when it was opened for writing, on disk.
// Each record is one line of JSON, on disk before the run goes on; a line cut short by a crash is
// ignored and overwritten.
type Journal struct {
	head    header
	images  map[int]*imageLine
	skipped map[int]*skipLine
	entries map[key]*entry
	latency *report.Latency
	trials  []*Journal
	file    *os.File
}

// ReadJournal reads a journal from disk, with those of its trials.
func ReadJournal(path string) (*Journal, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	j, _, err := parseJournal(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, folder := range j.head.Trials {
		if !filepath.IsLocal(folder) {
			return nil, fmt.Errorf("%s: a trial lies in %q, which is no path below the journal's folder", path, folder)
		}
		t, err := ReadJournal(filepath.Join(filepath.Dir(path), filepath.FromSlash(folder), JournalName))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		j.trials = append(j.trials, t)
	}
	return j, nil
}

// openJournal opens the journal at path for head. With resume it continues the one that is there, which
// must be of the same claim; otherwise it starts a new one in place of it, and reports that an older run
// was there. A file that is no journal is never replaced.
func openJournal(path string, head header, resume bool) (j *Journal, replaced bool, err error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	j, kept, err := parseJournal(raw)
	missing := len(raw) == 0 || errors.Is(err, errNoHeader) && len(raw) < 1<<16
	switch {
	case err != nil && !missing:
		return nil, false, fmt.Errorf("%s: %w", path, err)
	case missing || !resume:
		replaced = !missing
		j, kept = newJournal(head), 0
	default:
		if err := sameClaim(j.head, head, true); err != nil {
			return nil, false, fmt.Errorf("%s: cannot resume: %w", path, err)
		}
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, false, err
	}
	if err := j.begin(kept); err != nil {
		j.file.Close()
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return j, replaced, nil
}

func newJournal(head header) *Journal {
	return &Journal{head: head, images: map[int]*imageLine{}, skipped: map[int]*skipLine{}, entries: map[key]*entry{}}
}

// begin cuts the file to its whole lines and writes the header of a new one.
func (j *Journal) begin(kept int64) error {
	if err := j.file.Truncate(kept); err != nil {
		return err
	}
	if _, err := j.file.Seek(kept, io.SeekStart); err != nil {
		return err
	}
	if kept > 0 {
		return nil
	}
	raw, err := json.Marshal(j.head)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(raw, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

// Config is the configuration of the run, as YAML.
func (j *Journal) Config() string { return j.head.Claim.Config }

// Close closes the file.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// add appends records and waits until they are on disk.
func (j *Journal) add(lines ...line) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	for _, l := range lines {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	if _, err := j.file.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", j.file.Name(), err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", j.file.Name(), err)
	}
	for _, l := range lines {
		if err := j.take(l); err != nil {
			return err
		}
	}
	return nil
}

// done reports whether the pair is finished.
func (j *Journal) done(index int, attack, system string) bool {
	return j.entries[key{index, attack, system}] != nil
}
