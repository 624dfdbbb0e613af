// Package plumbline holds no code, only whole-path benchmarks. The library is in its folders: encoder
// (images to tokens and gradients back), attack, defense, eval and models; the command is cmd/plumbline.
package plumbline
