// Package report is what an evaluation hands over: the claim, the scores with their intervals, what
// happened to every image, and what was not tested; as JSON, one self-contained HTML page, Markdown,
// JUnit XML and SARIF.
//
// A report holds only what the claim determines: the same model, images, configuration and seed give
// the same bytes, however often the run was interrupted and into however many shards it was cut. What
// differs from run to run (time, machine) is in [Run], a file of its own.
package report

import "github.com/plumbline-ml/plumbline/encoder"

// Schema names the version of the JSON layout.
const Schema = "plumbline.report/1"

// Clean is the identifier of the row that holds unattacked images.
const Clean = "clean"

// Report is the result of one evaluation.
type Report struct {
	Schema      string       `json:"schema"` // always the constant Schema
	Title       string       `json:"title"`
	Claim       Claim        `json:"claim"`
	Verdict     Verdict      `json:"verdict"`
	Systems     []System     `json:"systems"`
	Attacks     []Attack     `json:"attacks"`              // the first is Clean
	Cells       []Cell       `json:"cells"`                // attack × system
	Comparisons []Comparison `json:"comparisons,omitzero"` // attacks against each other, paired per image
	Defences    []Defence    `json:"defences,omitzero"`    // what defences buy against somebody who knows them
	Gates       []Gate       `json:"gates,omitzero"`
	Findings    []Finding    `json:"findings,omitzero"`
	Flags       []Flag       `json:"flags,omitzero"` // doubts about the evaluation itself
	NotTested   []Text       `json:"not_tested"`
	Detectable  Number       `json:"detectable_drop"` // smallest fall of a rate that the images would have shown (McNemar, 5 %, power 80 %)
	Images      []Image      `json:"images"`
}

// Claim fixes what the numbers are about; equal claims give equal reports.
type Claim struct {
	Tool       string             `json:"tool"`       // name and version
	Arithmetic string             `json:"arithmetic"` // instruction path on which the floats were computed
	Encoder    Artifact           `json:"encoder"`
	Preprocess encoder.Preprocess `json:"preprocess"`
	Data       Data               `json:"data"`
	Seed       uint64             `json:"seed"`
	Config     string             `json:"config"`        // the whole configuration as YAML
	ConfigHash string             `json:"config_sha256"` // of Config
	Judged     string             `json:"judged"`        // what the judge read: "png" (8-bit files)
}

// Artifact is a file that the claim depends on.
type Artifact struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Data describes the images.
type Data struct {
	Name    string    `json:"name"`
	Images  int       `json:"images"`
	SHA256  string    `json:"sha256"` // over the sorted lines "sha256 path"
	Skipped []Skipped `json:"skipped,omitzero"`
}

// Skipped is a file that could not be used.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// Status is the outcome of gates as a whole.
type Status string

// The statuses of a verdict or gate.
const (
	Passed   Status = "passed"
	Failed   Status = "failed"
	Measured Status = "measured" // no gate was set
	Unknown  Status = "unknown"  // a gate could not be decided
)

// Verdict is what a reader in a hurry takes away.
type Verdict struct {
	Status   Status `json:"status"`
	Headline Text   `json:"headline"`
	Points   []Text `json:"points,omitzero"`
}

// System is a downstream use of the encoder.
type System struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Task     string `json:"task"`     // classification, anomaly, segmentation, detection, captioning, vqa, retrieval
	Relation string `json:"relation"` // same-weights, fine-tuned, other-architecture, defended, black-box
	Metric   Metric `json:"metric"`
	Chance   Number `json:"chance"`           // what guessing scores; NaN when it has no meaning
	Detail   string `json:"detail,omitempty"` // how it was made

	// Preprocess is how it reads images, where that is known and not as the attacked encoder does.
	Preprocess *encoder.Preprocess `json:"preprocess,omitempty"`
}

// Metric is how a system is scored.
type Metric struct {
	Name           string `json:"name"`
	Share          bool   `json:"share"` // lies in [0,1] and is printed in percent
	HigherIsBetter bool   `json:"higher_is_better"`
}

// Attack is one way of changing the images at one budget, and what it cost over all of them.
type Attack struct {
	ID         string `json:"id"`   // unique: name@eps, or Clean
	Name       string `json:"name"` // prm, pgd, noise, ...
	Expression string `json:"expression,omitempty"`
	Kind       string `json:"kind"`           // clean, noise, gradient, black-box, corruption, worst
	Knowledge  string `json:"knowledge"`      // none, encoder, system
	On         string `json:"on,omitempty"`   // the encoder whose gradients it follows, where that is not the attacked one
	Role       string `json:"role,omitempty"` // what it does in the trial of a defence: one of Roles
	Eps        string `json:"eps,omitempty"`  // exact, as given: 8/255
	EpsValue   Number `json:"eps_value"`
	Cost       Cost   `json:"cost"`

	// Systems are those that a white-box attack went against, each with images of its own that no other system
	// is shown; none where all systems see the same images.
	Systems []string `json:"systems,omitempty"`
}

// Cost counts what an attack spent, over all images. Seconds are in [Run].
type Cost struct {
	Forwards  int64 `json:"forwards"`
	Backwards int64 `json:"backwards"`
	Queries   int64 `json:"queries"`
}

// Cell is a system's score under an attack.
type Cell struct {
	System  string    `json:"system"`
	Attack  string    `json:"attack"`
	Score   Score     `json:"score"`
	Drop    *Score    `json:"drop,omitempty"`          // clean minus attacked, paired per image
	Lost    *Score    `json:"relative_drop,omitempty"` // the drop as a share of the clean score, paired per image
	Success *Score    `json:"success,omitempty"`       // share of originally right answers that became wrong
	PValue  *Number   `json:"p_value,omitempty"`       // against clean, Holm-adjusted over the attacks on the system; of white-box attacks over those; of noise over noise and comparisons
	Float   *Score    `json:"float,omitempty"`         // the same from unrounded pixels; shown, never judged
	More    []Reading `json:"more,omitzero"`           // further metrics of the task
}

// Reading is a metric beside the one that a system is judged by.
type Reading struct {
	Metric Metric `json:"metric"`
	Score  Score  `json:"score"`
}

// Comparison sets two attacks against each other on the same images and system.
type Comparison struct {
	System     string `json:"system"`
	A          string `json:"a"`
	B          string `json:"b"`
	Difference Score  `json:"difference"` // score under A minus score under B
	PValue     Number `json:"p_value"`    // two-sided, Holm-adjusted over all comparisons and controls
}

// Gate is a condition that the deployment must meet.
type Gate struct {
	Expression string `json:"expression"` // as written in the configuration
	Status     Status `json:"status"`
	Observed   Number `json:"observed"`
	Bound      Number `json:"bound"`
	Reason     Text   `json:"reason"`
}

// Finding is a weakness, told for the people who run the line.
type Finding struct {
	ID       string   `json:"id"`
	UseCase  string   `json:"use_case"` // the task
	System   string   `json:"system"`
	Attack   string   `json:"attack"`
	Severity string   `json:"severity"` // note, warning, error
	Title    Text     `json:"title"`
	Needs    Text     `json:"needs"`  // what the attacker needs
	Effect   Text     `json:"effect"` // what happens on the line
	Reduce   []Text   `json:"reduce"` // what reduces it
	Met      Text     `json:"met"`    // to what degree such a measure was met
	Tags     []string `json:"tags"`   // keys of the tag catalogue
}

// NotMade is the code of the flag of a system that was asked for and could not be made. The first argument of its
// text is the system.
const NotMade = "not-made"

// Flag is a doubt about the evaluation.
type Flag struct {
	Code    string   `json:"code"`
	Attack  string   `json:"attack,omitempty"`
	System  string   `json:"system,omitempty"`
	Systems []string `json:"systems,omitzero"` // several of them
	Images  []string `json:"images,omitzero"`
	Text    Text     `json:"text"`
}

// Image is one photograph and what became of it.
type Image struct {
	ID       string    `json:"id"` // path inside the data set
	SHA256   string    `json:"sha256"`
	Width    int       `json:"width"`
	Height   int       `json:"height"`
	Label    string    `json:"label"`
	Outcomes []Outcome `json:"outcomes"` // in the order of Report.Attacks, without aggregates
}

// Outcome is one image under one attack, measured from the file.
type Outcome struct {
	Attack  string   `json:"attack"`
	System  string   `json:"system,omitempty"` // the only one that the image was made against and shown to
	Status  string   `json:"status"`           // ok, failed
	Reason  string   `json:"reason,omitempty"` // why it failed
	From    string   `json:"from,omitempty"`   // the attack that the image is taken from, where it did the system more harm than the system's own gradient
	File    string   `json:"file,omitempty"`   // PNG, relative to the report
	SHA256  string   `json:"sha256,omitempty"` // of the PNG
	Linf    Number   `json:"linf"`             // largest change, in units of 1/255
	L2      Number   `json:"l2"`               // Euclidean norm of the change, pixels in [0,1]
	L0      int      `json:"l0"`               // pixels changed
	Changed Number   `json:"changed"`          // share of pixels changed
	PSNR    Number   `json:"psnr"`             // dB
	SSIM    Number   `json:"ssim"`
	Feature Number   `json:"feature_distance"`   // perceptual distance from the encoder's tokens, 0 to 4; see metric.FeatureDistance
	Inside  bool     `json:"inside"`             // within the budget, checked by the judge
	Layers  []Number `json:"layers,omitzero"`    // mean patch-token cosine with the clean image, stem first
	Tokens  *Grid    `json:"tokens,omitempty"`   // cosine of each patch token at the last block
	Claimed *Number  `json:"claimed,omitempty"`  // objective as the attack reported it; never used in a score
	Answers []Answer `json:"answers"`            // in the order of Report.Systems
	Notes   []string `json:"warnings,omitempty"` // what the attack reported about itself
}

// Grid is a value for each patch, row by row.
type Grid struct {
	Rows   int      `json:"rows"`
	Cols   int      `json:"cols"`
	Values []Number `json:"values"`
}

// Answer is what one system said about one image.
type Answer struct {
	System string `json:"system"`
	Text   string `json:"text"`   // the answer as a person reads it
	Truth  string `json:"truth"`  // what would have been right
	Value  Number `json:"value"`  // the image's own contribution: 1 or 0 for right or wrong, else its score
	Reason string `json:"reason"` // right, wrong, already-wrong, error: ...
}
