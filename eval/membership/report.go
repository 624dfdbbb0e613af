package membership

import (
	"fmt"
	"io"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Schema names the layout of a report.
const Schema = "plumbline.membership/1"

// Report is what an audit found. It depends on the configuration and the trainer alone.
type Report struct {
	Schema   string     `json:"schema"`
	Title    string     `json:"title,omitempty"`
	Examples int        `json:"examples"` // in the pool; half of them are members of each model
	Models   int        `json:"models"`   // each is the target once
	Views    int        `json:"views"`
	Seed     uint64     `json:"seed"`
	Accuracy Accuracy   `json:"accuracy"`
	Guards   []GuardRow `json:"guards"`   // the first without a guard
	Findings []string   `json:"findings"` // what a reader should not miss
}

// Accuracy is the share of right labels; what lies between the two is what the models learnt by heart.
type Accuracy struct {
	Members float64 `json:"members"`
	Others  float64 `json:"others"`
}

// GuardRow holds the attacks against one guard.
type GuardRow struct {
	Guard   string      `json:"guard"`
	Moved   float64     `json:"moved"` // mean Σ|shown − true| over an example's class probabilities: the guard's price
	Attacks []AttackRow `json:"attacks"`
}

// AttackRow is one attack against one guard.
type AttackRow struct {
	Attack string   `json:"attack"`
	AUC    Estimate `json:"auc"`
	TPR1   Estimate `json:"tpr_at_1_percent_fpr"`
	TPR01  Estimate `json:"tpr_at_0.1_percent_fpr"`
	ROC    []Point  `json:"roc"` // mean over the targets
}

// Estimate is the mean over target models with the 95 % interval of Student's t. The models share examples, so the interval
// speaks of other models of this pool, not of other pools.
type Estimate struct {
	Mean float64 `json:"mean"`
	Lo   float64 `json:"lo"`
	Hi   float64 `json:"hi"`
}

// String prints the mean with its interval.
func (e Estimate) String() string { return fmt.Sprintf("%.3f (%.3f–%.3f)", e.Mean, e.Lo, e.Hi) }

func overModels(x []float64) Estimate {
	mean, std := stat.MeanStdDev(x, nil)
	n := float64(len(x))
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * std / math.Sqrt(n)
	return Estimate{mean, max(0, mean-half), min(1, mean+half)}
}

// Row returns an attack's result against a guard; nil if there is none.
func (r *Report) Row(guard, attack string) *AttackRow {
	for i := range r.Guards {
		for k := range r.Guards[i].Attacks {
			if r.Guards[i].Guard == guard && r.Guards[i].Attacks[k].Attack == attack {
				return &r.Guards[i].Attacks[k]
			}
		}
	}
	return nil
}

// findings compares every guard with none.
func (r *Report) findings() []string {
	var out []string
	best, label := r.Guards[0].strongest(), r.Row(noGuard, LabelOnly)
	switch {
	case best.AUC.Lo > 0.5:
		out = append(out, fmt.Sprintf("Without a guard %s tells members from others: AUC %s.", best.Attack, best.AUC))
	default:
		out = append(out, "Without a guard no attack tells members from others beyond chance; guards have nothing to do here.")
	}
	for _, g := range r.Guards[1:] {
		at := g.strongest()
		switch {
		case best.AUC.Lo <= 0.5:
		case at.AUC.Lo > 0.5 && at.Attack == LabelOnly && at.AUC.Hi < best.AUC.Lo:
			out = append(out, fmt.Sprintf("%s hides scores, no more: what is left is %s, which reads labels alone: AUC %s.", g.Guard, at.Attack, at.AUC))
		case at.AUC.Hi < best.AUC.Lo:
			out = append(out, fmt.Sprintf("%s weakens the strongest attack from AUC %s to %s (%s); labels alone give %s whatever is shown.", g.Guard, best.AUC, at.AUC, at.Attack, label.AUC))
		default:
			out = append(out, fmt.Sprintf("%s does not help: %s still reaches AUC %s.", g.Guard, at.Attack, at.AUC))
		}
	}
	if others := r.Examples / 2; others < 1000 {
		out = append(out, fmt.Sprintf("With %d non-members a false-positive rate of 0.1 %% allows none of them: that column says what is found before the first mistake.", others))
	}
	return out
}

// strongest is the attack of the largest AUC.
func (g GuardRow) strongest() AttackRow {
	best := g.Attacks[0]
	for _, a := range g.Attacks[1:] {
		if a.AUC.Mean > best.AUC.Mean {
			best = a
		}
	}
	return best
}

// WriteMarkdown writes the table and the findings.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	if r.Title != "" {
		fmt.Fprintf(&b, "# %s\n\n", r.Title)
	}
	fmt.Fprintf(&b, "%d models, each trained on a random half of %d examples, each the target once with the others as shadow models; %d views.\n", r.Models, r.Examples, r.Views)
	fmt.Fprintf(&b, "Accuracy %.1f %% on members, %.1f %% on the others. Means over the targets with 95 %% intervals.\n\n", 100*r.Accuracy.Members, 100*r.Accuracy.Others)
	b.WriteString("| guard | moved | attack | AUC | TPR at 1 % FPR | TPR at 0.1 % FPR |\n|---|---:|---|---:|---:|---:|\n")
	for _, g := range r.Guards {
		for _, a := range g.Attacks {
			fmt.Fprintf(&b, "| `%s` | %.3f | %s | %s | %s | %s |\n", g.Guard, g.Moved, a.Attack, a.AUC, a.TPR1, a.TPR01)
		}
	}
	b.WriteString("\n")
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "* %s\n", f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
