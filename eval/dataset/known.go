package dataset

import "path/filepath"

// NEUDET reads the Northeastern University surface-defect detection data in root: images/CLASS_N.jpg
// (200×200, grey) with Pascal VOC boxes annotations/CLASS_N.xml. The label is the class in the file's
// name, which every image has even where its boxes are of more than one class.
func NEUDET(root string) (*Dataset, error) {
	d, err := VOC(filepath.Join(root, "images"), filepath.Join(root, "annotations"))
	if err != nil {
		return nil, err
	}
	d.Name = "neu-det"
	for _, s := range d.Samples {
		for i, c := range d.Classes {
			if len(s.ID) > len(c) && s.ID[:len(c)] == c && s.ID[len(c)] == '_' {
				s.Label = i
			}
		}
	}
	return d, nil
}

// MagneticTile reads the magnetic-tile surface data (Y. Huang, C. Qiu, K. Yuan, "Surface defect saliency
// of magnetic tile", The Visual Computer, 2020) in root: MT_CLASS/name.jpg with a mask name.png. Class
// MT_Free is free of defects.
func MagneticTile(root string) (*Dataset, error) {
	d, err := Pairs(root, "MT_Free")
	if err != nil {
		return nil, err
	}
	d.Name = "magnetic-tile"
	return d, nil
}
