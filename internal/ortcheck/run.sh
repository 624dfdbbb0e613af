#!/usr/bin/env bash
# Checks against ONNX Runtime: run.sh [README.md]. Needs Go, Node and npm, and, for all but single operators, the sample
# encoders (PLUMBLINE_SHARED). With an argument, writes the results between the marks of that file.
set -euo pipefail
readme="${1:+$(realpath "$1")}"
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp "$here/check.mjs" "$work"
(cd "$work" && npm install --silent --no-save --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0)
cd "$here"
export PLUMBLINE_ORT_DIR="$work/all"
go test -count=1 ../graph -run '^(TestWriteForORT|TestQuantisedOperators)$'
go test -count=1 ../../encoder -run '^(TestExportGradient|TestSave|TestSaveChanged)$'
(cd "$work" && node check.mjs all) | tee "$work/results"
if [ -n "$readme" ]; then
  awk -v results="$work/results" '
    /<!-- end -->/ { inside = 0 }
    !inside { print }
    /<!-- results -->/ { inside = 1; print "```"; while ((getline line < results) > 0) print line; print "```" }' "$readme" > "$work/README"
  cp "$work/README" "$readme"
fi
