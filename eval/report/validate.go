package report

import (
	"errors"
	"fmt"
)

// Validate reports the first inconsistency: a wrong schema, an identifier used twice, or a reference to
// something that is not there.
func (r *Report) Validate() error {
	if r.Schema != Schema {
		return fmt.Errorf("report: schema is %q, want %q", r.Schema, Schema)
	}
	if len(r.Attacks) == 0 || r.Attacks[0].ID != Clean {
		return errors.New("report: the first attack must be " + Clean)
	}
	known, err := r.identifiers()
	if err != nil {
		return err
	}
	for i, c := range r.Cells {
		if err := known.both(c.System, c.Attack); err != nil {
			return fmt.Errorf("report: cell %d: %w", i, err)
		}
	}
	for i, f := range r.Findings {
		if err := known.both(f.System, f.Attack); err != nil {
			return fmt.Errorf("report: finding %d: %w", i, err)
		}
		for _, key := range f.Tags {
			if _, ok := FindTag(key); !ok {
				return fmt.Errorf("report: finding %d: tag %q is not in the catalogue", i, key)
			}
		}
	}
	for _, im := range r.Images {
		if err := known.image(im); err != nil {
			return err
		}
	}
	return nil
}

type identifiers struct{ systems, attacks map[string]bool }

func (r *Report) identifiers() (identifiers, error) {
	k := identifiers{map[string]bool{}, map[string]bool{}}
	for _, s := range r.Systems {
		if s.ID == "" || k.systems[s.ID] {
			return k, fmt.Errorf("report: system identifier %q is empty or used twice", s.ID)
		}
		k.systems[s.ID] = true
	}
	for _, a := range r.Attacks {
		if a.ID == "" || k.attacks[a.ID] {
			return k, fmt.Errorf("report: attack identifier %q is empty or used twice", a.ID)
		}
		k.attacks[a.ID] = true
	}
	images := map[string]bool{}
	for _, im := range r.Images {
		if im.ID == "" || images[im.ID] {
			return k, fmt.Errorf("report: image identifier %q is empty or used twice", im.ID)
		}
		images[im.ID] = true
	}
	return k, nil
}

func (k identifiers) both(system, attack string) error {
	if !k.systems[system] {
		return fmt.Errorf("no system %q", system)
	}
	if !k.attacks[attack] {
		return fmt.Errorf("no attack %q", attack)
	}
	return nil
}

func (k identifiers) image(im Image) error {
	for _, o := range im.Outcomes {
		if !k.attacks[o.Attack] {
			return fmt.Errorf("report: image %s: no attack %q", im.ID, o.Attack)
		}
		if o.System != "" && !k.systems[o.System] {
			return fmt.Errorf("report: image %s under %s: no system %q", im.ID, o.Attack, o.System)
		}
		for _, a := range o.Answers {
			if !k.systems[a.System] {
				return fmt.Errorf("report: image %s under %s: no system %q", im.ID, o.Attack, a.System)
			}
		}
		if g := o.Tokens; g != nil && (g.Rows < 1 || g.Cols < 1 || g.Rows > 1<<12 || g.Cols > 1<<12 || len(g.Values) != g.Rows*g.Cols) {
			return fmt.Errorf("report: image %s under %s: token grid %d×%d with %d values", im.ID, o.Attack, g.Rows, g.Cols, len(g.Values))
		}
	}
	return nil
}
