package train

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// checkpointMagic starts every checkpoint file.
const checkpointMagic = "plumbline checkpoint 1\n"

// maxCheckpointHead bounds the JSON header of a checkpoint.
const maxCheckpointHead = 1 << 20

// progress is what a checkpoint holds beside arrays.
type progress struct {
	Of      string  `json:"of"`      // configuration and identity of the run
	Step    int     `json:"step"`    // steps taken
	Best    float64 `json:"best"`    // lowest validation loss so far
	BestAt  int     `json:"best_at"` // step of it; -1 for none
	Waiting int     `json:"waiting"` // validations without progress
	Stopped bool    `json:"stopped"`
	Sizes   []int   `json:"sizes"` // elements of every array
}

// writeCheckpoint writes a header and arrays, closed by a CRC-32; the file appears under its name when
// it is complete.
func writeCheckpoint(path string, p progress, arrays [][]float32) error {
	for _, a := range arrays {
		p.Sizes = append(p.Sizes, len(a))
	}
	head, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		sum := crc32.NewIEEE()
		out := io.MultiWriter(w, sum)
		if _, err := io.WriteString(out, checkpointMagic); err != nil {
			return err
		}
		if err := binary.Write(out, binary.LittleEndian, uint32(len(head))); err != nil {
			return err
		}
		if _, err := out.Write(head); err != nil {
			return err
		}
		buf := make([]byte, 0, 1<<16)
		for _, a := range arrays {
			for len(a) > 0 {
				k := min(len(a), cap(buf)/4)
				buf = buf[:0]
				for _, v := range a[:k] {
					buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
				}
				if _, err := out.Write(buf); err != nil {
					return err
				}
				a = a[k:]
			}
		}
		return binary.Write(w, binary.LittleEndian, sum.Sum32())
	})
}

// readCheckpoint reads a file of writeCheckpoint into arrays of the same sizes. A file that is missing is
// reported as such (errors.Is(err, fs.ErrNotExist)).
func readCheckpoint(path, config string, arrays [][]float32) (p progress, err error) {
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	sum := crc32.NewIEEE()
	raw := bufio.NewReaderSize(f, 1<<16)
	in := io.TeeReader(raw, sum)
	if p, err = readHead(in); err == nil {
		err = fits(p, config, arrays)
	}
	if err == nil {
		err = readArrays(in, arrays)
	}
	var want uint32
	if err == nil {
		err = binary.Read(raw, binary.LittleEndian, &want)
	}
	if err == nil && want != sum.Sum32() {
		err = errors.New("the checksum does not match: the file is damaged")
	}
	if err != nil {
		return p, fmt.Errorf("train: checkpoint %s: %w", path, err)
	}
	return p, nil
}

func readHead(in io.Reader) (p progress, err error) {
	magic := make([]byte, len(checkpointMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != checkpointMagic {
		return p, errors.New("is no checkpoint of this version")
	}
	var n uint32
	if err := binary.Read(in, binary.LittleEndian, &n); err != nil {
		return p, err
	}
	if n > maxCheckpointHead {
		return p, fmt.Errorf("a header of %d bytes", n)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(in, head); err != nil {
		return p, err
	}
	return p, json.Unmarshal(head, &p)
}

// fits checks that a checkpoint belongs to this run.
func fits(p progress, config string, arrays [][]float32) error {
	if p.Of != config {
		return fmt.Errorf("it is of another run:\n  there %s\n  here  %s\nremove it to start anew", p.Of, config)
	}
	if len(p.Sizes) != len(arrays) {
		return fmt.Errorf("it has %d arrays, this run %d", len(p.Sizes), len(arrays))
	}
	for i, a := range arrays {
		if p.Sizes[i] != len(a) {
			return fmt.Errorf("array %d has %d elements, in this run %d", i, p.Sizes[i], len(a))
		}
	}
	return nil
}

func readArrays(in io.Reader, arrays [][]float32) error {
	buf := make([]byte, 1<<16)
	for _, a := range arrays {
		for len(a) > 0 {
			k := min(len(a), len(buf)/4)
			if _, err := io.ReadFull(in, buf[:4*k]); err != nil {
				return err
			}
			for i := range k {
				a[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
			}
			a = a[k:]
		}
	}
	return nil
}
