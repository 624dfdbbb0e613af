package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
)

// The parts of SARIF 2.1.0 (OASIS Standard, 27 March 2020) that a finding needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool          `json:"tool"`
		Taxonomies []sarifTaxonomy    `json:"taxonomies"`
		Artifacts  []sarifArtifact    `json:"artifacts"`
		Results    []sarifResult      `json:"results"`
		Properties map[string]any     `json:"properties,omitempty"`
		Automation sarifAutomation    `json:"automationDetails"`
		Extra      []sarifInvocations `json:"invocations"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifInvocations struct {
		Successful bool `json:"executionSuccessful"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name                string           `json:"name"`
		InformationURI      string           `json:"informationUri"`
		SupportedTaxonomies []sarifComponent `json:"supportedTaxonomies"`
		Rules               []sarifRule      `json:"rules"`
	}
	sarifComponent struct {
		Name  string `json:"name"`
		Index int    `json:"index"`
	}
	sarifRule struct {
		ID            string              `json:"id"`
		Name          string              `json:"name"`
		Short         sarifText           `json:"shortDescription"`
		Help          sarifText           `json:"help"`
		HelpURI       string              `json:"helpUri"`
		Relationships []sarifRelationship `json:"relationships"`
		Properties    map[string]any      `json:"properties"`
	}
	sarifRelationship struct {
		Target sarifReference `json:"target"`
		Kinds  []string       `json:"kinds"`
	}
	sarifReference struct {
		ID        string         `json:"id"`
		Component sarifComponent `json:"toolComponent"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifTaxonomy struct {
		Name string       `json:"name"`
		Org  string       `json:"organization"`
		Taxa []sarifTaxon `json:"taxa"`
	}
	sarifTaxon struct {
		ID      string    `json:"id"`
		HelpURI string    `json:"helpUri"`
		Short   sarifText `json:"shortDescription"`
	}
	sarifArtifact struct {
		Location sarifURI          `json:"location"`
		Hashes   map[string]string `json:"hashes,omitempty"`
	}
	sarifURI struct {
		URI string `json:"uri"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Taxa         []sarifReference  `json:"taxa,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifURI `json:"artifactLocation"`
	}
)

const (
	ruleBroken = "plumbline/adversarial-input"
	ruleGate   = "plumbline/gate"
)

// WriteSARIF writes the findings and failed gates as SARIF 2.1.0, with the model file as location,
// CWE-1039 as taxon and the catalogues of [Tags] as further taxonomies.
func (r *Report) WriteSARIF(w io.Writer) error {
	if err := r.Validate(); err != nil {
		return err
	}
	taxonomies, refs := sarifTaxonomies()
	model := sarifURI{(&url.URL{Path: r.Claim.Encoder.Name}).String()}
	run := sarifRun{Taxonomies: taxonomies, Results: []sarifResult{}, Extra: []sarifInvocations{{true}},
		Automation: sarifAutomation{"plumbline/" + r.Claim.ConfigHash},
		Properties: map[string]any{"seed": r.Claim.Seed, "images": r.Claim.Data.Images, "dataSha256": r.Claim.Data.SHA256}}
	artifact := sarifArtifact{Location: model}
	if raw, err := hex.DecodeString(r.Claim.Encoder.SHA256); err == nil && len(raw) == sha256.Size {
		artifact.Hashes = map[string]string{"sha-256": r.Claim.Encoder.SHA256}
	}
	run.Artifacts = []sarifArtifact{artifact}
	run.Tool.Driver = sarifDriver{Name: "plumbline", InformationURI: "https://github.com/plumbline-ml/plumbline", Rules: sarifRules(refs)}
	for i, t := range taxonomies {
		run.Tool.Driver.SupportedTaxonomies = append(run.Tool.Driver.SupportedTaxonomies, sarifComponent{t.Name, i})
	}
	at := []sarifLocation{{sarifPhysical{model}}}
	for _, f := range r.Findings {
		res := sarifResult{RuleID: ruleBroken, RuleIndex: 0, Level: f.Severity, Locations: at, Fingerprints: fingerprint(f.ID),
			Message: sarifText{f.Title.String() + ". " + f.Effect.String()}}
		for _, key := range f.Tags {
			res.Taxa = append(res.Taxa, refs[key])
		}
		run.Results = append(run.Results, res)
	}
	for _, g := range r.Gates {
		if g.Status == Failed {
			run.Results = append(run.Results, sarifResult{RuleID: ruleGate, RuleIndex: 1, Level: "error", Locations: at,
				Fingerprints: fingerprint(g.Expression), Message: sarifText{g.Expression + ": " + g.Reason.String()}})
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func fingerprint(id string) map[string]string {
	sum := sha256.Sum256([]byte(id))
	return map[string]string{"plumbline/v1": hex.EncodeToString(sum[:16])}
}

// sarifTaxonomies groups the tags by catalogue and returns a reference for each.
func sarifTaxonomies() ([]sarifTaxonomy, map[string]sarifReference) {
	organisations := map[string]string{atlas: "MITRE", cwe: "MITRE", nist: "NIST", owasp: "OWASP"}
	var out []sarifTaxonomy
	index := map[string]int{}
	refs := map[string]sarifReference{}
	for _, t := range Tags {
		i, ok := index[t.Catalogue]
		if !ok {
			i = len(out)
			index[t.Catalogue] = i
			out = append(out, sarifTaxonomy{Name: t.Catalogue, Org: organisations[t.Catalogue]})
		}
		out[i].Taxa = append(out[i].Taxa, sarifTaxon{t.Key, t.URL, sarifText{t.Title}})
		refs[t.Key] = sarifReference{t.Key, sarifComponent{t.Catalogue, i}}
	}
	return out, refs
}

func sarifRules(refs map[string]sarifReference) []sarifRule {
	about, _ := FindTag("CWE-1039")
	weakness := []sarifRelationship{{Target: refs[about.Key], Kinds: []string{"superset"}}}
	tags := map[string]any{"tags": []string{"security", "external/cwe/cwe-1039"}, "security-severity": "7.5"}
	return []sarifRule{
		{ID: ruleBroken, Name: "AdversarialInput", Short: sarifText{"A system's answers can be changed by small changes of its input images."},
			Help: sarifText{about.Title}, HelpURI: about.URL, Relationships: weakness, Properties: tags},
		{ID: ruleGate, Name: "RobustnessGate", Short: sarifText{"A robustness requirement set for the deployment is not met."},
			Help: sarifText{"The configuration's gate names system, attack, perturbation size and bound."}, HelpURI: about.URL,
			Relationships: weakness, Properties: tags},
	}
}
