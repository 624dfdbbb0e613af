package train

import (
	"fmt"
	"strconv"
	"strings"
)

// Which chooses what is trained: "all"; "norm", the normalisations alone; "last:N", the last N blocks
// and what follows them; "lora:R", adapters of rank R on all matrices of two axes, with α = R.
type Which string

// Choice is what Which chose among parameters.
type Choice struct {
	Params   []*Param
	Adapters []*LoRA
}

// Keep tells whether p needs a gradient.
func (c Choice) Keep(p *Param) bool {
	for _, q := range c.Params {
		if p == q {
			return true
		}
	}
	for _, a := range c.Adapters {
		if a.W == p {
			return true
		}
	}
	return false
}

// Of chooses among the parameters of a network of depth blocks. The seed decides how adapters start.
func (w Which) Of(ps []*Param, depth int, seed uint64) (c Choice, err error) {
	kind, number, _ := strings.Cut(string(w), ":")
	n, bad := strconv.Atoi(number)
	if (kind == "last" || kind == "lora") && (bad != nil || n < 1) {
		return c, fmt.Errorf("train: %q: a number of at least 1 must follow the colon", w)
	}
	for _, p := range ps {
		switch kind {
		case "all", "":
			c.Params = append(c.Params, p)
		case "norm":
			if p.Role == Norm {
				c.Params = append(c.Params, p)
			}
		case "last":
			if p.Block >= depth-n {
				c.Params = append(c.Params, p)
			}
		case "lora":
			if p.Role != Matrix || len(p.Shape) != 2 {
				continue
			}
			l, err := NewLoRA(p, min(n, p.Shape[0], p.Shape[1]), float64(n), seed)
			if err != nil {
				return c, err
			}
			c.Adapters = append(c.Adapters, l)
		default:
			return c, fmt.Errorf("train: %q chooses nothing; want all, norm, last:N or lora:R", w)
		}
	}
	if len(c.Params)+len(c.Adapters) == 0 {
		return c, fmt.Errorf("train: %q leaves no parameter to train", w)
	}
	return c, nil
}
