package encoder

// Preprocess maps source pixels to the network input: bicubic resize with antialias as PIL does it,
// centre crop, normalisation. Every part is linear, so its gradient is exact. It is part of the
// model's identity.
type Preprocess struct {
	Resize [2]int     `json:"resize"` // target height and width; {n,0} scales the shorter side to n; {0,0} leaves the size
	Crop   [2]int     `json:"crop"`   // centre crop height and width; {0,0} for none
	Mean   [3]float64 `json:"mean"`   // per channel, in [0,1] units
	Std    [3]float64 `json:"std"`
	Source string     `json:"source"` // where it was found: a file, an option, or "CLIP default"
}
