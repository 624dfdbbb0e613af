package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// record is one line of a table before class names are resolved.
type record struct {
	Path     string        `json:"path"`
	ID       string        `json:"id"`
	Label    string        `json:"label"`
	Mask     string        `json:"mask"`
	Caption  string        `json:"caption"`
	Captions []string      `json:"captions"`
	Boxes    []recordBox   `json:"boxes"`
	QA       []recordAsked `json:"qa"`

	where string // file and line
}

type recordBox struct {
	X0    float64 `json:"x0"`
	Y0    float64 `json:"y0"`
	X1    float64 `json:"x1"`
	Y1    float64 `json:"y1"`
	Class string  `json:"class"`
}

type recordAsked struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Answers  []string `json:"answers"`
}

// CSV reads a comma-separated table with a header row. Column path (or image, file, filename, file_name) is needed;
// label (or class), id, mask, caption, question and answer are used where they exist, others are ignored. Rows with
// the same path and id are one image, such as one question each. Paths are relative to the table's
// folder. A mask is an image whose pixels of 128 or more belong to the label's class. Labels are class
// names, sorted by name, or by value if all are whole numbers.
func CSV(path string) (*Dataset, error) {
	data, err := readFile(path, MaxTextBytes)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: header: %w", path, err)
	}
	column := map[string]int{}
	for i, h := range header {
		column[strings.ToLower(strings.TrimSpace(h))] = i
	}
	for name, others := range map[string][]string{"path": {"image", "file", "filename", "file_name"}, "label": {"class"}} {
		for _, o := range others {
			if _, have := column[name]; !have {
				if i, ok := column[o]; ok {
					column[name] = i
				}
			}
		}
	}
	if _, ok := column["path"]; !ok {
		return nil, fmt.Errorf("%s: no column \"path\" among %q", path, header)
	}
	t := table{path: path}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		where := fmt.Sprintf("%s:%d", path, line)
		if err != nil {
			t.problem(fmt.Errorf("%s: %w", path, err)) // csv errors carry their line
			continue
		}
		t.add(csvRecord(where, fields, column))
	}
	return t.dataset()
}

func csvRecord(where string, fields []string, column map[string]int) record {
	get := func(name string) string {
		if i, ok := column[name]; ok && i < len(fields) {
			return fields[i]
		}
		return ""
	}
	rec := record{where: where, Path: get("path"), ID: get("id"), Label: get("label"), Mask: get("mask"), Caption: get("caption")}
	if q := get("question"); q != "" {
		asked := recordAsked{Question: q}
		if a := get("answer"); a != "" {
			asked.Answers = []string{a}
		}
		rec.QA = []recordAsked{asked}
	}
	return rec
}

// JSONL reads one JSON object per line: path (needed), id, label, mask, caption or captions, boxes
// ({x0,y0,x1,y1,class} in pixels) and qa ({id,question,answers}). Paths, labels and masks are as in
// [CSV]. Lines are at most 16 MiB.
func JSONL(path string) (*Dataset, error) {
	data, err := readFile(path, MaxTextBytes)
	if err != nil {
		return nil, err
	}
	t := table{path: path}
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, 16<<20)
	for n := 1; scan.Scan(); n++ {
		line := bytes.TrimSpace(scan.Bytes())
		if len(line) == 0 {
			continue
		}
		rec := record{where: fmt.Sprintf("%s:%d", path, n)}
		if err := json.Unmarshal(line, &rec); err != nil {
			t.problem(fmt.Errorf("%s: %w", rec.where, err))
			continue
		}
		t.records = append(t.records, rec)
	}
	if err := scan.Err(); err != nil {
		t.problem(fmt.Errorf("%s: %w", path, err))
	}
	return t.dataset()
}

type table struct {
	path     string
	records  []record
	problems []error
	same     map[[2]string]int // path and id → index of the record
}

// add joins a row to the record of the same image, if its label and mask agree.
func (t *table) add(rec record) {
	if t.same == nil {
		t.same = map[[2]string]int{}
	}
	key := [2]string{rec.Path, rec.ID}
	i, ok := t.same[key]
	if !ok {
		t.same[key] = len(t.records)
		t.records = append(t.records, rec)
		return
	}
	first := &t.records[i]
	if rec.Label != first.Label || rec.Mask != first.Mask {
		t.problem(fmt.Errorf("%s: %s has label %q and mask %q here, and %q and %q at %s", rec.where, rec.Path, rec.Label, rec.Mask, first.Label, first.Mask, first.where))
		return
	}
	if rec.Caption == "" && len(rec.QA) == 0 {
		t.problem(fmt.Errorf("%s: %s is listed twice, first at %s", rec.where, rec.Path, first.where))
	}
	if rec.Caption != "" {
		first.Captions = append(first.Captions, rec.Caption)
	}
	first.QA = append(first.QA, rec.QA...)
}

func (t *table) problem(err error) { t.problems = append(t.problems, err) }

func (t *table) dataset() (*Dataset, error) {
	d := &Dataset{Name: stem(filepath.Base(t.path)), Classes: t.classes()}
	ids := map[string]string{}
	for _, rec := range t.records {
		s, err := t.sample(d, rec)
		if err == nil && ids[s.ID] != "" {
			err = fmt.Errorf("%s: id %q is already used at %s", rec.where, s.ID, ids[s.ID])
		}
		if err != nil {
			t.problem(err)
			continue
		}
		ids[s.ID] = rec.where
		d.Samples = append(d.Samples, s)
	}
	d.Problems = t.problems
	return d, d.orEmpty(t.path)
}

// classes collects the names in labels and boxes.
func (t *table) classes() []string {
	seen := map[string]bool{}
	for _, r := range t.records {
		if r.Label != "" {
			seen[r.Label] = true
		}
		for _, b := range r.Boxes {
			seen[b.Class] = true
		}
	}
	var names []string
	for n := range seen {
		names = append(names, n)
	}
	slices.Sort(names)
	value := map[string]int{}
	for _, n := range names {
		v, err := strconv.Atoi(n)
		if err != nil {
			return names
		}
		value[n] = v
	}
	slices.SortStableFunc(names, func(a, b string) int { return value[a] - value[b] })
	return names
}

func (t *table) sample(d *Dataset, rec record) (*Sample, error) {
	if rec.Path == "" {
		return nil, fmt.Errorf("%s: no path", rec.where)
	}
	folder := filepath.Dir(t.path)
	s := fileSample(folder, inFolder(folder, rec.Path))
	if rec.ID != "" {
		s.ID = rec.ID
	}
	if rec.Label != "" {
		s.Label = d.ClassIndex(rec.Label)
	}
	if rec.Caption != "" {
		s.Captions = append(s.Captions, rec.Caption)
	}
	s.Captions = append(s.Captions, rec.Captions...)
	for i, b := range rec.Boxes {
		box := Box{X0: b.X0, Y0: b.Y0, X1: b.X1, Y1: b.Y1, Class: d.ClassIndex(b.Class)}
		if !(box.X0 < box.X1 && box.Y0 < box.Y1) {
			return nil, fmt.Errorf("%s: box %d (%v) is empty", rec.where, i, b)
		}
		s.Boxes = append(s.Boxes, box)
	}
	for _, q := range rec.QA {
		s.QA = append(s.QA, Question{ID: q.ID, Text: q.Question, Answers: q.Answers})
	}
	if rec.Mask != "" {
		if s.Label == NoLabel {
			return nil, fmt.Errorf("%s: a mask needs a label for its class", rec.where)
		}
		s.readMask = pairedMask(inFolder(folder, rec.Mask), s.Label)
	}
	return s, nil
}

func inFolder(folder, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
