package surfaces

import (
	"image"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// rgb is a colour in [0,1], linear in what the camera stores.
type rgb [3]float64

func (c rgb) times(k float64) rgb { return rgb{c[0] * k, c[1] * k, c[2] * k} }

// towards mixes c with d, 0 = c, 1 = d.
func (c rgb) towards(d rgb, t float64) rgb {
	for i := range c {
		c[i] += t * (d[i] - c[i])
	}
	return c
}

// texture is a surface without defects: the colour at (x, y) in [0,1]², where one pixel is px wide.
type texture func(x, y, px float64) rgb

// flaw is one defect in the plane [0,1]².
type flaw struct {
	x0, y0, x1, y1 float64 // it changes nothing outside
	// cover is how much of the pixel around (x, y) belongs to the flaw; from one half on it is in the mask.
	cover func(x, y, px float64) float64
	// paint changes the surface's colour c at (x, y).
	paint func(x, y, px float64, c rgb) rgb
}

// scene is an image before it has a size.
type scene struct {
	surface, defect int
	surfaceTexture  texture
	flaws           []flaw
	light           light
	grain           noise
}

// light is where the lamp stands and how evenly it shines.
type light struct {
	dx, dy   float64 // unit vector towards the lamp
	slope    float64 // brightness change over half the image
	vignette float64 // loss in the corners
	gain     float64
	noise    float64 // of the camera, standard deviation
}

func newScene(seed uint64, index int) *scene {
	rng := rand.New(rand.NewPCG(seed, uint64(index)^0x7375726661636573))
	angle := rng.Float64() * 2 * math.Pi
	s := &scene{
		surface: index % len(Surfaces), defect: index % len(Defects), grain: noise(rng.Uint64()),
		light: light{
			dx: math.Cos(angle), dy: math.Sin(angle), slope: 0.02 + 0.1*rng.Float64(), vignette: 0.15 * rng.Float64(),
			gain: 0.85 + 0.25*rng.Float64(), noise: 0.004 + 0.012*rng.Float64(),
		},
	}
	s.surfaceTexture = textures[s.surface](rng, s.light)
	if draw := flawKinds[s.defect]; draw != nil {
		s.flaws = draw(rng, s.light)
	}
	return s
}

// textures and flawKinds are in the order of Surfaces and Defects.
var (
	textures  = []func(*rand.Rand, light) texture{brushed, cast, woven, printed, tile}
	flawKinds = []func(*rand.Rand, light) []flaw{nil, scratches, dents, stains, cracks, holes, inclusions}
)

// draw renders the scene at size×size pixels.
func (s *scene) draw(size int) *image.NRGBA {
	p := image.NewNRGBA(image.Rect(0, 0, size, size))
	px := 1 / float64(size)
	for i := range size {
		y := (float64(i) + 0.5) * px
		for j := range size {
			x := (float64(j) + 0.5) * px
			c := s.surfaceTexture(x, y, px)
			for k := range s.flaws {
				if f := &s.flaws[k]; x >= f.x0 && x <= f.x1 && y >= f.y0 && y <= f.y1 {
					c = f.paint(x, y, px, c)
				}
			}
			s.expose(p.Pix[i*p.Stride+4*j:][:4], c, x, y, i, j)
		}
	}
	return p
}

// expose applies the lamp and the camera and stores the pixel.
func (s *scene) expose(dst []uint8, c rgb, x, y float64, i, j int) {
	u, v := 2*x-1, 2*y-1
	shine := s.light.gain * (1 + s.light.slope*(u*s.light.dx+v*s.light.dy)) * (1 - s.light.vignette*(u*u+v*v)/2)
	// The sum of three uniform values of variance 1/3 has variance 1, as near to normal as eyes need.
	grain := s.grain.lattice(int64(j), int64(i)) + (s.grain+1).lattice(int64(j), int64(i)) + (s.grain+2).lattice(int64(j), int64(i))
	for k := range 3 {
		dst[k] = uint8(255*clamp(c[k]*shine+s.light.noise*grain) + 0.5)
	}
	dst[3] = 255
}

// mask returns the class of every pixel and a box per flaw that has any.
func (s *scene) mask(size int) (*dataset.Mask, []dataset.Box) {
	m := dataset.NewMask(size, size)
	px := 1 / float64(size)
	var boxes []dataset.Box
	for k := range s.flaws {
		f := &s.flaws[k]
		box, found := dataset.Box{X0: math.Inf(1), Y0: math.Inf(1), Class: s.defect}, false
		for i := max(0, int(f.y0/px)); i < min(size, int(f.y1/px)+1); i++ {
			for j := max(0, int(f.x0/px)); j < min(size, int(f.x1/px)+1); j++ {
				if f.cover((float64(j)+0.5)*px, (float64(i)+0.5)*px, px) < 0.5 {
					continue
				}
				m.Pix[i*size+j] = uint16(s.defect + 1)
				x, y := float64(j), float64(i)
				box.X0, box.Y0, box.X1, box.Y1 = min(box.X0, x), min(box.Y0, y), max(box.X1, x+1), max(box.Y1, y+1)
				found = true
			}
		}
		if found {
			boxes = append(boxes, box)
		}
	}
	return m, boxes
}
