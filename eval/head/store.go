package head

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// A head's file is: eight bytes "PLUMHEAD", version and header length (uint32, little-endian), a JSON header
// with kind, name, configuration and the shapes of the arrays, the arrays as little-endian float32, and the
// SHA-256 of all that.
const (
	storeMagic   = "PLUMHEAD"
	storeVersion = 1
	maxHeadFile  = 1 << 30
	maxHeader    = 64 << 20
)

// state is what a head is made of.
type state struct {
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config"`
	Arrays []array         `json:"arrays"`
}

type array struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	data  []float32
}

// storable is a head that can be written to a file.
type storable interface {
	Head
	state() (*state, error)
}

// kinds rebuilds each kind of head from its state. A head is registered here and nowhere else.
var kinds map[string]func(*state) (Head, error)

func init() {
	kinds = map[string]func(*state) (Head, error){
		kindCosine: loadCosine, kindProbe: loadProbe, kindKNN: loadKNN,
		kindMemory: loadMemory, kindMahalanobis: loadMahalanobis,
		kindDenseProbe: loadDenseProbe, kindPixelProbe: loadPixelProbe, kindPixelBoxes: loadPixelBoxes,
		kindDenseText: loadDenseText, kindDenseKNN: loadDenseKNN,
		kindBox: loadBox, kindRegions: loadRegions, kindProtoBoxes: loadProtoBoxes,
		kindGallery: loadGallery, kindTemplate: loadTemplate, kindDecoder: loadDecoder,
		kindVQANet: loadVQANet, kindVQABank: loadVQABank, kindVQAText: loadVQAText,
	}
}

// newState describes a head; fill adds its arrays.
func newState(kind, name string, config any, fill func(*state)) (*state, error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	s := &state{Kind: kind, Name: name, Config: raw}
	fill(s)
	return s, nil
}

func (s *state) add(name string, data []float32, shape ...int) {
	s.Arrays = append(s.Arrays, array{Name: name, Shape: shape, data: data})
}

// rows adds a list of equally long rows as a matrix.
func (s *state) addRows(name string, rows [][]float32) {
	width := 0
	var data []float32
	for _, r := range rows {
		width = len(r)
		data = append(data, r...)
	}
	s.add(name, data, len(rows), width)
}

func (s *state) config(into any) error {
	if err := json.Unmarshal(s.Config, into); err != nil {
		return fmt.Errorf("head %s: configuration: %w", s.Name, err)
	}
	return nil
}

// array returns an array of the given shape; −1 matches any length.
func (s *state) array(name string, shape ...int) (*array, error) {
	for i := range s.Arrays {
		a := &s.Arrays[i]
		if a.Name != name {
			continue
		}
		ok := len(a.Shape) == len(shape)
		for k := 0; ok && k < len(shape); k++ {
			ok = shape[k] < 0 || shape[k] == a.Shape[k]
		}
		if !ok {
			return nil, fmt.Errorf("head %s: array %q has shape %v, want %v", s.Name, name, a.Shape, shape)
		}
		return a, nil
	}
	return nil, fmt.Errorf("head %s: array %q is missing", s.Name, name)
}

// rowsOf returns a matrix of the given width as rows.
func (s *state) rowsOf(name string, width int) ([][]float32, error) {
	a, err := s.array(name, -1, width)
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, a.Shape[0])
	for i := range rows {
		rows[i] = a.data[i*width : (i+1)*width]
	}
	return rows, nil
}

// Save writes a head to one file, under a temporary name that is renamed when complete.
func Save(path string, h Head) error {
	st, ok := h.(storable)
	if !ok {
		return fmt.Errorf("head %s (%T) cannot be saved", h.Name(), h)
	}
	s, err := st.state()
	if err != nil {
		return err
	}
	header, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("head %s: %w", h.Name(), err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		sum := sha256.New()
		both := io.MultiWriter(w, sum)
		head := append([]byte(storeMagic), binary.LittleEndian.AppendUint32(nil, storeVersion)...)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
		if _, err := both.Write(append(head, header...)); err != nil {
			return err
		}
		for _, a := range s.Arrays {
			var buf []byte
			for _, v := range a.data {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			if _, err := both.Write(buf); err != nil {
				return err
			}
		}
		_, err := w.Write(sum.Sum(nil))
		return err
	})
}

// Load reads a head that [Save] wrote. The file's hash and sizes are checked before anything is made of it.
func Load(path string) (Head, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxHeadFile {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", path, maxHeadFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

// Decode reads a head from the bytes of a file that [Save] wrote; see [Load].
func Decode(data []byte) (Head, error) {
	s, err := decodeState(data)
	if err != nil {
		return nil, err
	}
	load, ok := kinds[s.Kind]
	if !ok {
		return nil, fmt.Errorf("head of unknown kind %q", s.Kind)
	}
	return load(s)
}

func decodeState(data []byte) (*state, error) {
	const fixed = len(storeMagic) + 8
	if len(data) < fixed+sha256.Size || !bytes.HasPrefix(data, []byte(storeMagic)) {
		return nil, errors.New("not a head file")
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != storeVersion {
		return nil, fmt.Errorf("head file of version %d; this program reads version %d", v, storeVersion)
	}
	body := data[:len(data)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return nil, errors.New("the file's hash does not match its contents: it is damaged or was changed")
	}
	n := uint64(binary.LittleEndian.Uint32(data[12:]))
	if n > maxHeader || n > uint64(len(body)-fixed) {
		return nil, fmt.Errorf("header of %d bytes in a file of %d", n, len(data))
	}
	s := new(state)
	if err := json.Unmarshal(body[fixed:fixed+int(n)], s); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return s, s.fill(body[fixed+int(n):])
}

// fill gives the arrays their numbers.
func (s *state) fill(raw []byte) error {
	for i := range s.Arrays {
		a := &s.Arrays[i]
		size := uint64(1)
		for _, d := range a.Shape {
			if d < 0 || d > maxHeadFile || size*uint64(d) > maxHeadFile {
				return fmt.Errorf("array %q has shape %v", a.Name, a.Shape)
			}
			size *= uint64(d)
		}
		if size*4 > uint64(len(raw)) {
			return fmt.Errorf("array %q of shape %v needs %d bytes, %d are left", a.Name, a.Shape, size*4, len(raw))
		}
		a.data = make([]float32, size)
		for k := range a.data {
			a.data[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
		}
		raw = raw[4*size:]
	}
	if len(raw) != 0 {
		return fmt.Errorf("%d bytes too many", len(raw))
	}
	return nil
}
