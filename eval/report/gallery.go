package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"slices"

	"github.com/disintegration/imaging"
)

const (
	galleryImages = 8   // images shown
	gallerySide   = 224 // longest side of a preview, pixels
	amplify       = 10  // factor on the difference
	maxPicture    = 1 << 28
)

// galleryView is one image of the gallery: clean, adversarial, their difference, and token drift.
type galleryView struct {
	ID, Label              string
	Attack                 string // name
	Eps                    string
	Clean, Adversarial     template.URL
	Difference, Heat       template.URL
	Width, Height          int
	Linf, PSNR, MeanCosine string
	AdversarialFile        string
	Answers                []answerView
	Open                   bool // few enough answers to show at once
}

// answerView is what one system said on both pictures.
type answerView struct {
	System, Truth, Clean, Adversarial string
	CleanReason, AdversarialReason    string
	Flipped                           bool
}

// strongest returns the attack that the gallery shows: at the largest budget, the one with the lowest
// mean relative score over the systems, aggregates, noise and attacks with images for each system left out; nil when there is none.
func (r *Report) strongest() *Attack {
	var best *Attack
	lowest := math.Inf(1)
	for i := range r.Attacks {
		a := &r.Attacks[i]
		if a.ID == Clean || a.Kind == Worst || a.Kind == "noise" || len(a.Systems) > 0 {
			continue
		}
		kept := r.kept(a.ID)
		if best == nil || a.EpsValue > best.EpsValue || a.EpsValue == best.EpsValue && kept < lowest {
			best, lowest = a, kept
		}
	}
	return best
}

// kept is the mean over systems of attacked over clean score.
func (r *Report) kept(attack string) float64 {
	var sum, n float64
	for _, s := range r.Systems {
		c, clean := r.Cell(s.ID, attack), r.Cell(s.ID, Clean)
		if c == nil || clean == nil || !(clean.Score.Value > 0) || !c.Score.Value.Finite() {
			continue
		}
		sum += float64(c.Score.Value / clean.Score.Value)
		n++
	}
	if n == 0 {
		return math.Inf(1)
	}
	return sum / n
}

// gallery builds the views from the picture files in assets. Images that changed the most answers come
// first. A picture that cannot be read is left out of the gallery, not of the report.
func (r *Report) gallery(assets fs.FS) []galleryView {
	a := r.strongest()
	if a == nil || assets == nil {
		return nil
	}
	order := make([]int, 0, len(r.Images))
	flips := make([]int, len(r.Images))
	for i := range r.Images {
		clean, adv := r.Images[i].Outcome(Clean), r.Images[i].Outcome(a.ID)
		if clean == nil || adv == nil || clean.File == "" || adv.File == "" {
			continue
		}
		flips[i] = countFlipped(r.answers(clean, adv))
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(x, y int) int { return flips[y] - flips[x] })
	var out []galleryView
	for _, i := range order {
		if len(out) == galleryImages {
			break
		}
		if v, err := r.galleryView(&r.Images[i], a, assets); err == nil {
			out = append(out, v)
		}
	}
	return out
}

func (r *Report) galleryView(im *Image, a *Attack, assets fs.FS) (galleryView, error) {
	co, ao := im.Outcome(Clean), im.Outcome(a.ID)
	v := galleryView{ID: im.ID, Label: im.Label, Attack: a.Name, Eps: a.Eps, AdversarialFile: ao.File,
		Linf: formatNumber(ao.Linf), PSNR: formatNumber(ao.PSNR), Answers: r.answers(co, ao)}
	v.Open = len(v.Answers) <= 4
	clean, err := readPicture(assets, co.File)
	if err != nil {
		return v, err
	}
	adv, err := readPicture(assets, ao.File)
	if err != nil {
		return v, err
	}
	if clean.Rect.Size() != adv.Rect.Size() {
		return v, fmt.Errorf("report: %s and %s differ in size", co.File, ao.File)
	}
	small := imaging.Fit(clean, gallerySide, gallerySide, imaging.CatmullRom)
	v.Width, v.Height = small.Rect.Dx(), small.Rect.Dy()
	v.Clean = dataURI(small)
	v.Adversarial = dataURI(imaging.Resize(adv, v.Width, v.Height, imaging.CatmullRom))
	v.Difference = dataURI(imaging.Resize(difference(clean, adv), v.Width, v.Height, imaging.NearestNeighbor))
	if ao.Tokens != nil {
		v.Heat = dataURI(heat(ao.Tokens))
		v.MeanCosine = formatCosine(gridMean(ao.Tokens))
	}
	return v, nil
}

func (r *Report) answers(clean, adv *Outcome) []answerView {
	var out []answerView
	for _, s := range r.Systems {
		c, a := clean.Answer(s.ID), adv.Answer(s.ID)
		if c == nil || a == nil {
			continue
		}
		out = append(out, answerView{System: s.Name, Truth: c.Truth, Clean: c.Text, Adversarial: a.Text,
			CleanReason: c.Reason, AdversarialReason: a.Reason, Flipped: a.Value < c.Value})
	}
	return out
}

func countFlipped(answers []answerView) int {
	n := 0
	for _, a := range answers {
		if a.Flipped {
			n++
		}
	}
	return n
}

func readPicture(assets fs.FS, name string) (*image.NRGBA, error) {
	f, err := assets.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cfg, err := png.DecodeConfig(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if cfg.Width*cfg.Height > maxPicture {
		return nil, fmt.Errorf("%s: %d×%d pixels are too many", name, cfg.Width, cfg.Height)
	}
	raw, err := fs.ReadFile(assets, name)
	if err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return imaging.Clone(img), nil
}

// difference is grey where nothing changed; each channel moves by amplify times its change.
func difference(a, b *image.NRGBA) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, a.Rect.Dx(), a.Rect.Dy()))
	for i := range out.Pix {
		if i%4 == 3 {
			out.Pix[i] = 255
			continue
		}
		out.Pix[i] = uint8(min(max(128+amplify*(int(b.Pix[i])-int(a.Pix[i])), 0), 255))
	}
	return out
}

// heat paints each patch by 1 − cosine over [0, 1]: dark where the token stayed, bright where it turned.
func heat(g *Grid) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, g.Cols, g.Rows))
	for i, v := range g.Values {
		out.SetNRGBA(i%g.Cols, i/g.Cols, heatColour(1-float64(v)))
	}
	return out
}

// heatColour runs from near black over purple and orange to pale yellow; a number that is not finite is
// grey.
func heatColour(t float64) color.NRGBA {
	if math.IsNaN(t) || math.IsInf(t, 0) {
		return color.NRGBA{128, 128, 128, 255}
	}
	stops := [][3]float64{{12, 8, 38}, {98, 28, 110}, {205, 66, 72}, {249, 150, 34}, {252, 247, 178}}
	x := min(max(t, 0), 1) * float64(len(stops)-1)
	k := min(int(x), len(stops)-2)
	f := x - float64(k)
	mix := func(c int) uint8 { return uint8(math.Round(stops[k][c]*(1-f) + stops[k+1][c]*f)) }
	return color.NRGBA{mix(0), mix(1), mix(2), 255}
}

func gridMean(g *Grid) float64 {
	var sum float64
	for _, v := range g.Values {
		sum += float64(v)
	}
	return sum / float64(len(g.Values))
}

func dataURI(img image.Image) template.URL {
	var buf bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&buf, img); err != nil {
		panic(err) // a bytes.Buffer accepts everything and the size was bounded
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(buf.Bytes()))
}
