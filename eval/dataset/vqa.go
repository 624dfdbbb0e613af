package dataset

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
)

// VQAJSON reads the VQA v2 layout (Goyal et al., arXiv 1612.00837): a questions file, an annotations file with
// the answers of several people ("" if there is none), and a folder of images whose names end in the image's
// number, such as COCO_val2014_000000262148.jpg. All questions about an image are in one sample, in the file's
// order.
func VQAJSON(images, questions, annotations string) (*Dataset, error) {
	var q struct {
		Questions []struct {
			ImageID    int64  `json:"image_id"`
			QuestionID int64  `json:"question_id"`
			Question   string `json:"question"`
		} `json:"questions"`
	}
	if err := readJSON(questions, &q); err != nil {
		return nil, err
	}
	answers, err := vqaAnswers(annotations)
	if err != nil {
		return nil, err
	}
	files, problems := imagesUnder(images)
	byNumber := map[int64]string{}
	for _, f := range files {
		if n, ok := lastNumber(filepath.Base(f)); ok {
			byNumber[n] = f
		}
	}
	d := &Dataset{Name: stem(filepath.Base(questions)), Problems: problems}
	byImage := map[int64]*Sample{}
	for _, item := range q.Questions {
		file, ok := byNumber[item.ImageID]
		if !ok {
			d.Problems = append(d.Problems, fmt.Errorf("%s: question %d: no image numbered %d in %s", questions, item.QuestionID, item.ImageID, images))
			continue
		}
		s := byImage[item.ImageID]
		if s == nil {
			s = fileSample(images, file)
			byImage[item.ImageID] = s
			d.Samples = append(d.Samples, s)
		}
		s.QA = append(s.QA, Question{ID: strconv.FormatInt(item.QuestionID, 10), Text: item.Question, Answers: answers[item.QuestionID]})
	}
	return d, d.orEmpty(questions)
}

func vqaAnswers(path string) (map[int64][]string, error) {
	answers := map[int64][]string{}
	if path == "" {
		return answers, nil
	}
	var a struct {
		Annotations []struct {
			QuestionID int64 `json:"question_id"`
			Answers    []struct {
				Answer string `json:"answer"`
			} `json:"answers"`
		} `json:"annotations"`
	}
	if err := readJSON(path, &a); err != nil {
		return nil, err
	}
	for _, item := range a.Annotations {
		for _, one := range item.Answers {
			answers[item.QuestionID] = append(answers[item.QuestionID], one.Answer)
		}
	}
	return answers, nil
}

func readJSON(path string, into any) error {
	data, err := readFile(path, MaxTextBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// lastNumber is the number formed by the digits at the end of a file's stem.
func lastNumber(name string) (int64, bool) {
	base := stem(name)
	i := len(base)
	for i > 0 && base[i-1] >= '0' && base[i-1] <= '9' {
		i--
	}
	n, err := strconv.ParseInt(base[i:], 10, 64)
	return n, err == nil
}
