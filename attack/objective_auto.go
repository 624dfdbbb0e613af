package attack

import "github.com/plumbline-ml/plumbline/encoder"

// Auto is the margin of the task's head if there is one, and otherwise the embedding's cosine.
type Auto struct{}

var _ = objectives.add("auto", "the margin of the head if there is one, otherwise the embedding's cosine", func(*Args) Objective { return Auto{} })

func (Auto) String() string { return "auto()" }

// Bind implements Objective.
func (Auto) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	if task != nil && task.Head != nil && task.Labels != nil {
		return Logits{Loss: "cw"}.Bind(spec, task, i)
	}
	if spec.Embedding == 0 {
		return PRM{}.Bind(spec, task, i)
	}
	return Embedding{}.Bind(spec, task, i)
}
