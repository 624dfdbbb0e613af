//go:build !linux || !(amd64 || arm64)

package filemap

import (
	"errors"
	"os"
)

func mapped(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func discard(uintptr, uintptr) {}
