package report

// Roles are what attacks do in the trial of a defence, in the order of the table:
// plain ones were crafted on the undefended encoder; adaptive ones follow the defended encoder's gradients
// (its own surrogate, and the identity), with more steps and averaged over draws where it is random;
// white-box ones do so against the system's own head; transfer ones were crafted on other encoders;
// score-based ones read the system's scores, decision-based ones its answers alone.
var Roles = []string{RolePlain, RoleAdaptive, RoleWhiteBox, RoleTransfer, RoleScore, RoleDecision}

// The roles.
const (
	RolePlain    = "plain"
	RoleAdaptive = "adaptive"
	RoleWhiteBox = "white-box"
	RoleTransfer = "transfer"
	RoleScore    = "score-based"
	RoleDecision = "decision-based"
)

// Undefended is the name of the row that went through the same attacks without a defence.
const Undefended = "none"

// Defence is what one defence buys on one system at one budget. Attacked scores are those of each image's
// worst outcome over the attacks of a role and over the judge's draws of a random defence; Clean is that of
// one draw.
type Defence struct {
	Name      string   `json:"name"`   // its expression, or Undefended
	System    string   `json:"system"` // the undefended system
	Eps       string   `json:"eps"`
	Random    bool     `json:"random"`
	Surrogate string   `json:"surrogate"` // exact, stand-in, identity: the gradient that attackers are given
	Draws     int      `json:"draws"`     // of the judge
	Clean     Score    `json:"clean"`
	Roles     []ByRole `json:"roles"` // in the order of Roles; roles without an attack are left out
	Worst     Score    `json:"worst"`
	Buys      *Score   `json:"buys,omitempty"` // Worst minus that of Undefended, paired per image
	Verdict   Text     `json:"verdict"`
	Attacks   []Attack `json:"attacks"` // with expression, the encoder they follow and their cost
	Flags     []Flag   `json:"flags,omitzero"`
}

// ByRole is the score that the attacks of one role leave.
type ByRole struct {
	Role  string `json:"role"`
	Score Score  `json:"score"`
}

// Role returns the score under the attacks of a role, or nil.
func (d *Defence) Role(role string) *Score {
	for i := range d.Roles {
		if d.Roles[i].Role == role {
			return &d.Roles[i].Score
		}
	}
	return nil
}

// Latency is what one image takes, in milliseconds, measured when nothing else of the run was computed.
type Latency struct {
	Undefended float64 `json:"undefended"`
	Added      float64 `json:"added"` // by the defence: median of paired differences
}
