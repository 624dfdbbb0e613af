"""Writes goldens.json: RGB pictures through PIL's resize (8-bit) and the two conventions of a centre crop.

Made with Python 3, Pillow 9.4.0, numpy 1.24.2:  python3 make_goldens.py > goldens.json
floor: Hugging Face's image_transforms.center_crop; round: torchvision.transforms.functional.center_crop; both written
out below with numpy padding. Values are 8-bit levels before normalisation; pictures stay inside 40…215.
"""
import json
import math
import numpy as np
from PIL import Image


def picture(h, w, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    planes = [128 + 40 * np.sin(x / (2 + c) + seed) + 35 * np.cos(y / (1.5 + c)) + rng.uniform(-12, 12, (h, w)) for c in range(3)]
    return np.clip(np.round(np.stack(planes, 2)), 40, 215).astype(np.uint8)


def crop_floor(img, ch, cw):
    h, w = img.shape[:2]
    top, left = (h - ch) // 2, (w - cw) // 2
    bottom, right = top + ch, left + cw
    if top >= 0 and bottom <= h and left >= 0 and right <= w:
        return img[top:bottom, left:right]
    nh, nw = max(ch, h), max(cw, w)
    new = np.zeros((nh, nw, 3), img.dtype)
    tp, lp = math.ceil((nh - h) / 2), math.ceil((nw - w) / 2)
    new[tp:tp + h, lp:lp + w] = img
    top, bottom, left, right = top + tp, bottom + tp, left + lp, right + lp
    return new[max(0, top):min(nh, bottom), max(0, left):min(nw, right)]


def crop_round(img, ch, cw):
    h, w = img.shape[:2]
    if cw > w or ch > h:
        pad = [(cw - w) // 2 if cw > w else 0, (ch - h) // 2 if ch > h else 0,
               (cw - w + 1) // 2 if cw > w else 0, (ch - h + 1) // 2 if ch > h else 0]
        img = np.pad(img, ((pad[1], pad[3]), (pad[0], pad[2]), (0, 0)))
        h, w = img.shape[:2]
    top, left = int(round((h - ch) / 2.0)), int(round((w - cw) / 2.0))
    return img[top:top + ch, left:left + cw]


def main():
    cases = []
    # source h, w; shorter side (0: no resize); crop
    for i, (h, w, short, ch, cw) in enumerate([(50, 75, 20, 20, 20), (61, 40, 24, 21, 21), (33, 47, 26, 23, 20),
                                               (19, 23, 0, 12, 12), (9, 14, 0, 12, 11), (7, 8, 0, 10, 11)]):
        img = picture(h, w, i)
        out = img
        if short:
            oh, ow = (short, int(short * w / h)) if h <= w else (int(short * h / w), short)
            out = np.asarray(Image.fromarray(img).resize((ow, oh), Image.BICUBIC))
        planar = lambda a: a.transpose(2, 0, 1).ravel().tolist()
        cases.append({"h": h, "w": w, "short": short, "ch": ch, "cw": cw, "src": planar(img),
                      "floor": planar(crop_floor(out, ch, cw)), "round": planar(crop_round(out, ch, cw))})
    print(json.dumps(cases))


main()
