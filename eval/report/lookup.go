package report

import "math"

// Worst is the kind and the name of rows that hold each image's worst outcome over all attacks of one
// budget.
const Worst = "worst"

// System returns the system with the given identifier, or nil.
func (r *Report) System(id string) *System {
	for i := range r.Systems {
		if r.Systems[i].ID == id {
			return &r.Systems[i]
		}
	}
	return nil
}

// Attack returns the attack with the given identifier, or nil.
func (r *Report) Attack(id string) *Attack {
	for i := range r.Attacks {
		if r.Attacks[i].ID == id {
			return &r.Attacks[i]
		}
	}
	return nil
}

// Cell returns the score of a system under an attack, or nil.
func (r *Report) Cell(system, attack string) *Cell {
	for i := range r.Cells {
		if r.Cells[i].System == system && r.Cells[i].Attack == attack {
			return &r.Cells[i]
		}
	}
	return nil
}

// Targets are the systems that the attack went against one by one, or "" alone where its images are for all.
func (a *Attack) Targets() []string {
	if len(a.Systems) == 0 {
		return []string{""}
	}
	return a.Systems
}

// Outcome returns what became of the image under an attack, or nil; of a white-box attack the first.
func (im *Image) Outcome(attack string) *Outcome {
	for _, o := range im.Under(attack) {
		return o
	}
	return nil
}

// Under returns everything that became of the image under an attack: one outcome, or one for each system that
// the attack went against.
func (im *Image) Under(attack string) []*Outcome {
	var out []*Outcome
	for i := range im.Outcomes {
		if im.Outcomes[i].Attack == attack {
			out = append(out, &im.Outcomes[i])
		}
	}
	return out
}

// Shown returns what the system was shown of the image under an attack, or nil.
func (im *Image) Shown(attack, system string) *Outcome {
	for _, o := range im.Under(attack) {
		if o.System == "" || o.System == system {
			return o
		}
	}
	return nil
}

// Answer returns what a system said, or nil.
func (o *Outcome) Answer(system string) *Answer {
	for i := range o.Answers {
		if o.Answers[i].System == system {
			return &o.Answers[i]
		}
	}
	return nil
}

// Budgets returns every ε of the report in the order of first use.
func (r *Report) Budgets() []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, a := range r.Attacks {
		if !seen[a.Eps] {
			seen[a.Eps] = true
			out = append(out, a.Eps)
		}
	}
	return out
}

// AttackNames returns every attack's name without its budget, in the order of first use, Clean left out.
func (r *Report) AttackNames() []string {
	var out []string
	seen := map[string]bool{Clean: true}
	for _, a := range r.Attacks {
		if !seen[a.Name] {
			seen[a.Name] = true
			out = append(out, a.Name)
		}
	}
	return out
}

// At returns the attacks of one budget, those that know a system last.
func (r *Report) At(eps string) []Attack {
	var out, knowing []Attack
	for _, a := range r.Attacks {
		switch {
		case a.Eps != eps:
		case a.Knowledge == "system":
			knowing = append(knowing, a)
		default:
			out = append(out, a)
		}
	}
	return append(out, knowing...)
}

// LayerDrift is the mean over images of the patch-token cosine at each layer under one attack, stem
// first, with its standard error; nil when no outcome carries layers. Failed outcomes are left out.
func (r *Report) LayerDrift(attack string) (mean, stderr []float64) {
	var rows [][]Number
	for i := range r.Images {
		for _, o := range r.Images[i].Under(attack) {
			if o.Status == "ok" && len(o.Layers) > 0 {
				rows = append(rows, o.Layers)
			}
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	layers := len(rows[0])
	mean, stderr = make([]float64, layers), make([]float64, layers)
	for l := range layers {
		var sum, sq, n float64
		for _, row := range rows {
			if l < len(row) {
				sum += float64(row[l])
				n++
			}
		}
		mean[l] = sum / n
		for _, row := range rows {
			if l < len(row) {
				d := float64(row[l]) - mean[l]
				sq += d * d
			}
		}
		if n > 1 {
			stderr[l] = math.Sqrt(sq / (n - 1) / n)
		}
	}
	return mean, stderr
}
