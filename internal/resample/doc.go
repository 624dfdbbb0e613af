// Package resample holds the linear maps that change the size of a picture: the resizing of PIL (with
// antialias) and that of torch.nn.functional.interpolate (without), as precomputed sparse matrices
// with their exact transposes. A resize is separable: one [Axis] across, one down ([Separable]).
//
// Values are float32 and never clipped, so the maps are linear. PIL on 8-bit pictures rounds and clips to
// 0…255 after each of its two passes; where nothing is clipped the two are within 1.25 levels, one once this is rounded too.
package resample
