package encoder

// Spec describes an encoder: what goes in, how tokens are laid out, what comes out.
type Spec struct {
	Name      string     `json:"name"`       // file name or card name
	ImageSize [2]int     `json:"image_size"` // network input height and width, pixels
	Layout    string     `json:"layout"`     // of the file's input: "NCHW" or "NHWC"; images are always given planar
	AnySize   bool       `json:"any_size"`   // the file leaves height and width open
	InputType string     `json:"input_type"` // element type of the file's input
	Patch     int        `json:"patch"`      // patch side, pixels; 0 for convolutional encoders
	Grid      [2]int     `json:"grid"`       // patch rows and columns
	Width     int        `json:"width"`      // token width D
	Depth     int        `json:"depth"`      // number of blocks
	Heads     int        `json:"heads"`      // attention heads; 0 where there is no attention
	CLS       bool       `json:"cls"`        // the first token is a class token
	Registers int        `json:"registers"`  // register tokens after the class token
	Embedding int        `json:"embedding"`  // width E of the pooled output; 0 if none
	Tokens    int        `json:"tokens"`     // sequence length T, prefix tokens included
	Preproc   Preprocess `json:"preprocess"`
	Warnings  []string   `json:"warnings,omitempty"` // what was assumed rather than read
}

// Prefix is the number of tokens before the patch tokens: class token and registers.
func (s Spec) Prefix() int {
	if s.CLS {
		return 1 + s.Registers
	}
	return s.Registers
}
