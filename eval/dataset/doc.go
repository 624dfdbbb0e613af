// Package dataset reads labelled images from the layouts that inspection data comes in.
//
// A reader lists the samples of a layout and their labels without decoding any image; [Dataset.Load]
// decodes one, [Dataset.All] walks them in order, [Dataset.LoadAll] decodes several at once. A file
// that cannot be read is reported with its name and does not stop the others: what the reader finds is
// in [Dataset.Problems], what decoding finds is an error beside the sample.
//
// Pixels are RGB, decoded to 8 bits and given to encoders as exactly v/255 in planar 3×H×W float32.
// PNG, JPEG, WebP and BMP are read by content, not by file name; EXIF orientation is applied; an alpha
// channel is dropped, as most training code does. Files are untrusted: sizes are checked from the
// header before anything is allocated.
//
// Box coordinates are continuous pixel edges, x to the right and y down: a box that covers the whole
// of a W×H image is {0, 0, W, H}.
package dataset
