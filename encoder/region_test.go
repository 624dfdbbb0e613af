package encoder

import "testing"

func TestRegionByHand(t *testing.T) {
	// 100×200 to 50×100, centre crop 50: rows all, columns 25…75 of 100, which are 50…150 of the source.
	p := CLIPPreprocess(50)
	if top, left, bottom, right := p.Region(100, 200); top != 0 || left != 50 || bottom != 100 || right != 150 {
		t.Errorf("%v %v %v %v", top, left, bottom, right)
	}
	p.Resize, p.Crop = [2]int{}, [2]int{}
	if top, left, bottom, right := p.Region(30, 20); top != 0 || left != 0 || bottom != 30 || right != 20 {
		t.Errorf("without resize: %v %v %v %v", top, left, bottom, right)
	}
	p.Crop = [2]int{40, 20} // padded by five rows at each end
	if top, _, bottom, _ := p.Region(30, 20); top != -5 || bottom != 35 {
		t.Errorf("padded: %v %v", top, bottom)
	}
}
