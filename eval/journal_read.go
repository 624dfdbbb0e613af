package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

var errNoHeader = errors.New("the journal has no whole first line")

// parseJournal reads whole lines and returns how many bytes they take.
func parseJournal(raw []byte) (*Journal, int64, error) {
	end := bytes.LastIndexByte(raw, '\n') + 1
	if end == 0 {
		return nil, 0, errNoHeader
	}
	first, rest, _ := bytes.Cut(raw[:end], []byte("\n"))
	var head header
	if err := strict(first, &head); err != nil {
		return nil, 0, fmt.Errorf("line 1: %w", err)
	}
	if head.Schema != journalSchema {
		return nil, 0, fmt.Errorf("line 1: schema is %q, this program reads %q", head.Schema, journalSchema)
	}
	j := newJournal(head)
	for n := 2; len(rest) > 0; n++ {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte("\n"))
		var l line
		if err := strict(text, &l); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
		if err := j.take(l); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return j, int64(end), nil
}

func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// take records a line in memory.
func (j *Journal) take(l line) error {
	switch {
	case l.Image != nil:
		if err := j.inRange(l.Image.Index); err != nil {
			return err
		}
		j.images[l.Image.Index] = l.Image
	case l.Skip != nil:
		if err := j.inRange(l.Skip.Index); err != nil {
			return err
		}
		j.skipped[l.Skip.Index] = l.Skip
	case l.Entry != nil:
		return j.takeEntry(l.Entry)
	case l.Latency != nil:
		j.latency = l.Latency
	default:
		return errors.New("neither image, skip, entry nor latency")
	}
	return nil
}

func (j *Journal) takeEntry(e *entry) error {
	if j.images[e.Index] == nil {
		return fmt.Errorf("entry of image %d, which was not introduced", e.Index)
	}
	n := len(j.head.Systems)
	if e.System != "" {
		n = 1
	}
	if len(e.Responses) != n || len(e.Float) != n {
		return fmt.Errorf("entry of image %d has %d and %d responses for %d systems", e.Index, len(e.Responses), len(e.Float), n)
	}
	for _, a := range j.head.Attacks {
		if a.ID == e.Attack && slices.Contains(a.Targets(), e.System) {
			j.entries[key{e.Index, e.Attack, e.System}] = e
			return nil
		}
	}
	return fmt.Errorf("entry of image %d under %s, which is not in the plan", e.Index, e.name())
}

func (j *Journal) inRange(index int) error {
	if index < 0 || index >= j.head.Samples {
		return fmt.Errorf("image %d of %d", index, j.head.Samples)
	}
	return nil
}

// sameClaim names the first way in which two headers are about different things.
func sameClaim(a, b header, shards bool) error {
	if shards && (a.Shard != b.Shard || a.Shards != b.Shards) {
		return fmt.Errorf("it is shard %d/%d, this run is %d/%d", a.Shard, a.Shards, b.Shard, b.Shards)
	}
	a.Shard, a.Shards, b.Shard, b.Shards = 0, 0, 0, 0
	for _, part := range []struct {
		name string
		a, b any
	}{
		{"tool", a.Claim.Tool, b.Claim.Tool},
		{"arithmetic", a.Claim.Arithmetic, b.Claim.Arithmetic},
		{"encoder", a.Claim.Encoder, b.Claim.Encoder},
		{"preprocessing", a.Claim.Preprocess, b.Claim.Preprocess},
		{"configuration", a.Claim.Config, b.Claim.Config},
		{"seed", a.Claim.Seed, b.Claim.Seed},
		{"number of images", a.Samples, b.Samples},
		{"systems", a.Systems, b.Systems},
		{"attacks", a.Attacks, b.Attacks},
		{"header", a, b},
	} {
		x, errX := json.Marshal(part.a)
		y, errY := json.Marshal(part.b)
		if err := errors.Join(errX, errY); err != nil {
			return err
		}
		if !bytes.Equal(x, y) {
			return fmt.Errorf("the %s differs", part.name)
		}
	}
	return nil
}
