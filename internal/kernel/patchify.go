package kernel

// Patchify cuts a c×h×w image into non-overlapping ph×pw patches: row (i, j) of col, of (h/ph·w/pw) × (c·ph·pw), is the
// patch at row i and column j in channel, row, column order. It is the convolution layout of a patch embedding
// (stride = window), where every pixel is used once. Rows and columns of pixels that fill no patch are left out.
func Patchify(col, x []float32, c, h, w, ph, pw int) {
	eachPatchRow(c, h, w, ph, pw, func(patch, pixel int) { copy(col[patch:patch+pw], x[pixel:pixel+pw]) })
}

// Unpatchify is the inverse of Patchify: it writes every entry of col to its pixel. Pixels outside every patch get 0.
func Unpatchify(x, col []float32, c, h, w, ph, pw int) {
	if h%ph != 0 || w%pw != 0 {
		clear(x[:c*h*w])
	}
	eachPatchRow(c, h, w, ph, pw, func(patch, pixel int) { copy(x[pixel:pixel+pw], col[patch:patch+pw]) })
}

// eachPatchRow calls f with the position of every run of pw neighbouring pixels in the patches and in the image.
func eachPatchRow(c, h, w, ph, pw int, f func(patch, pixel int)) {
	across := w / pw
	for k := range c {
		for y := range h / ph * ph {
			pixel := (k*h + y) * w
			patch := ((y/ph*across)*c+k)*ph*pw + y%ph*pw
			for range across {
				f(patch, pixel)
				patch += c * ph * pw
				pixel += pw
			}
		}
	}
}
