package pretrain

import (
	"context"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// Heads are what stands on a frozen encoder of the family: one head for each task.
type Heads struct {
	Seed  uint64 // of the images: the first are used
	N     int
	Text  [][]float32 // unit text embeddings by class, for retrieval; nil leaves it out
	Tasks []head.Task // all when empty
}

// familyTasks is the order of [Heads.Fit].
var familyTasks = []head.Task{head.Classification, head.Anomaly, head.Segmentation, head.Detection, head.Captioning, head.VQA, head.Retrieval}

// Fit trains the heads on drawn images of the encoder's size.
func (h Heads) Fit(ctx context.Context, e encoder.Encoder) ([]head.Head, error) {
	s := e.Spec()
	samples, err := Bench{Seed: h.Seed}.samples(0, h.N, s.ImageSize[0])
	if err != nil {
		return nil, err
	}
	feats, err := head.Extract(ctx, e, samples, append(TokenTaps(s), encoder.Embedding))
	if err != nil {
		return nil, err
	}
	tasks := h.Tasks
	if len(tasks) == 0 {
		tasks = familyTasks
	}
	var out []head.Head
	for _, task := range tasks {
		if task == head.Retrieval && h.Text == nil {
			continue
		}
		one, err := h.fit(task, s, feats)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// fit trains the head of one task.
func (h Heads) fit(task head.Task, s encoder.Spec, feats []head.Features) (head.Head, error) {
	k, tokens := len(surfaces.Defects), head.TokenSource(s, encoder.Tokens)
	switch task {
	case head.Classification:
		return head.TrainProbe("classify-linear", head.EmbeddingSource(s), feats, k, nil, head.Training{Epochs: 30, Rate: 0.005, Seed: h.Seed})
	case head.Anomaly:
		return h.anomaly(tokens, feats)
	case head.Segmentation:
		return FitPixels("segment-pixels", s, feats, 1, h.Seed)
	case head.Detection:
		p, err := FitPixels("detect-pixels", s, feats, 2, h.Seed)
		if err != nil {
			return nil, err
		}
		return head.NewPixelBoxes("detect-pixels", p), nil
	case head.Captioning:
		return head.TrainDecoder("caption-decoder", encoder.Tokens, feats[:min(len(feats), 700)], head.DecoderSize{Hidden: 48, Keys: 24}, head.Training{Epochs: 4, Batch: 24, Rate: 0.006, Seed: h.Seed})
	case head.VQA:
		return head.TrainVQANet("vqa-net", tokens, feats, []int{96}, head.Training{Epochs: 12, Batch: 128, Rate: 0.004, Seed: h.Seed})
	}
	labels := make([]int, k)
	for i := range labels {
		labels[i] = i
	}
	return head.NewTextGallery("retrieve-text", h.Text, surfaces.Defects, labels)
}

// anomaly knows images free of defects; one in four of them sets the threshold, above which 5 % may lie.
func (h Heads) anomaly(tokens head.Source, feats []head.Features) (head.Head, error) {
	var fitted, held []head.Features
	for _, f := range feats {
		switch {
		case f.Sample.Label != 0:
		case (len(fitted)+len(held))%4 == 3:
			held = append(held, f)
		default:
			fitted = append(fitted, f)
		}
	}
	m, err := head.NewMahalanobis("anomaly-mahalanobis", tokens, fitted)
	if err != nil {
		return nil, err
	}
	return m.Calibrate(held, 0.05)
}

// SaveHeads writes heads to DIR/NAME.head.
func SaveHeads(dir string, heads []head.Head) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, h := range heads {
		if err := head.Save(filepath.Join(dir, h.Name()+".head"), h); err != nil {
			return err
		}
	}
	return nil
}

// Score is one figure of a head.
type Score struct {
	Metric string
	Value  float64
}

// Clean judges a head that classifies or segments on unseen images as they are.
func (b Bench) Clean(ctx context.Context, e encoder.Encoder, h head.Head) (Score, error) {
	test, err := b.samples(TestFrom, b.Test, e.Spec().ImageSize[0])
	if err != nil {
		return Score{}, err
	}
	feats, err := head.Extract(ctx, e, test, h.Taps())
	if err != nil {
		return Score{}, err
	}
	right, pixels := 0, metric.NewConfusion(len(surfaces.Defects))
	for i := range feats {
		in, err := feats[i].Input(h.Taps())
		if err != nil {
			return Score{}, err
		}
		o, err := h.Predict(in)
		if err != nil {
			return Score{}, err
		}
		switch {
		case o.Mask != nil:
			if err := pixels.Add(o.Mask, test[i].Mask); err != nil {
				return Score{}, err
			}
		case o.Label == test[i].Label:
			right++
		}
	}
	if h.Task() == head.Segmentation {
		return Score{"mean IoU", pixels.MeanIoU(true)}, nil
	}
	return Score{"accuracy", float64(right) / float64(len(test))}, nil
}
