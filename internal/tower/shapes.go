package tower

// Shapes are the sizes that speed is quoted at, by name: a tiny tower and CLIP's B/32, B/16 and L/14.
var Shapes = map[string]Image{
	"tiny": {64, 8, 128, 6, 2, 64},
	"b32":  {224, 32, 768, 12, 12, 512},
	"b16":  {224, 16, 768, 12, 12, 512},
	"l14":  {224, 14, 1024, 24, 16, 768},
}

// Tokens is the sequence length: one class token and the patches.
func (c Image) Tokens() int { n := c.Size / c.Patch; return n*n + 1 }

// FLOPs counts the multiplications and additions of one image's forward pass in matrix products.
func (c Image) FLOPs() float64 {
	t, w := float64(c.Tokens()), float64(c.Width)
	patch := 2 * (t - 1) * w * float64(3*c.Patch*c.Patch)
	block := 2*t*12*w*w + 4*t*t*w
	return patch + float64(c.Depth)*block + 2*w*float64(c.Embed)
}
