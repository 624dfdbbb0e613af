package attack

import (
	"fmt"
	"runtime"

	"gorgonia.org/tensor"
)

// Option tells a run something besides the images: what else the problem consists of, or how to work.
type Option func(*settings)

type settings struct {
	workers int
	names   []string
	restart int // which restart this run is; keys the random stream
	task    Task
	starts  [][]*tensor.Dense
}

// Task is what lies downstream of the encoder, for objectives and attacks that need it.
type Task struct {
	Head       Classifier      // the head, for objectives on logits
	Labels     [][]int         // per image, the true class of every position of the head
	Images     []*tensor.Dense // per image (or one for all), the image a targeted attack imitates
	Embeddings [][]float32     // per image (or one for all), the embedding a targeted attack aims at
	Mix        []*tensor.Dense // other images, for Admix
	Prototypes [][]float32     // token maps for PA-Attack, see BuildPrototypes
}

// Workers sets how many images are attacked at once; by default GOMAXPROCS. It changes no result.
func Workers(n int) Option { return func(s *settings) { s.workers = n } }

// Names names the images in outcomes and warnings, for example by file; by default "image 0" and so on.
func Names(names []string) Option { return func(s *settings) { s.names = names } }

// Against sets the head and the label of every image, for objectives on logits.
func Against(head Classifier, labels []int) Option {
	return func(s *settings) {
		s.task.Head = head
		s.task.Labels = make([][]int, len(labels))
		for i, l := range labels {
			s.task.Labels[i] = []int{l}
		}
	}
}

// WithTask sets the whole task, for heads with many positions and for targeted attacks.
func WithTask(t Task) Option { return func(s *settings) { s.task = t } }

// Restart numbers the run: the same attack with another number draws other random numbers.
func Restart(n int) Option { return func(s *settings) { s.restart = n } }

func newSettings(n int, opts []Option) (settings, error) {
	s := settings{workers: runtime.GOMAXPROCS(0)}
	for _, o := range opts {
		o(&s)
	}
	if s.names != nil && len(s.names) != n {
		return s, fmt.Errorf("attack: %d names for %d images", len(s.names), n)
	}
	if s.workers < 1 {
		return s, fmt.Errorf("attack: %d workers", s.workers)
	}
	if err := s.validateStarts(n); err != nil {
		return s, err
	}
	return s, s.task.validate(n)
}

func (s *settings) name(i int) string {
	if s.names != nil {
		return s.names[i]
	}
	return fmt.Sprintf("image %d", i)
}

func (t *Task) validate(n int) error {
	if t.Labels != nil && len(t.Labels) != n {
		return fmt.Errorf("attack: labels of %d images for %d images", len(t.Labels), n)
	}
	if k := len(t.Images); k > 1 && k != n {
		return fmt.Errorf("attack: %d target images for %d images; give one, or one per image", k, n)
	}
	for i, m := range t.Mix {
		if _, _, _, err := pixels(m); err != nil {
			return fmt.Errorf("image %d to mix in: %w", i, err)
		}
	}
	if k := len(t.Embeddings); k > 1 && k != n {
		return fmt.Errorf("attack: %d target embeddings for %d images; give one, or one per image", k, n)
	}
	return nil
}

// perImage returns the i-th element of a list that holds one per image or one for all.
func perImage[T any](list []T, i int) (v T, ok bool) {
	switch {
	case len(list) == 0:
		return v, false
	case len(list) == 1:
		return list[0], true
	}
	return list[i], true
}
