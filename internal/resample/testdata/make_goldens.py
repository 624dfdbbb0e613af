"""Writes goldens.json: resizes by PIL (8-bit) and by torch (float32), with the source pictures.

Made with Python 3, Pillow 9.4.0, torch 1.13.0, numpy 1.24.2:  python3 make_goldens.py > goldens.json
The picture is a smooth colourless pattern inside 40…215, so that bicubic overshoot is never clipped.
"""
import json
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

PIL_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def picture(h, w, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    v = 128 + 40 * np.sin(x / 2.3 + seed) + 35 * np.cos(y / 1.7) + rng.uniform(-12, 12, (h, w))
    return np.clip(np.round(v), 40, 215).astype(np.uint8)


def main():
    cases = []
    for i, (h, w, oh, ow) in enumerate([(23, 31, 9, 14), (8, 7, 19, 16), (31, 12, 12, 30), (17, 17, 17, 5), (1, 6, 4, 3)]):
        img = picture(h, w, i)
        t = torch.from_numpy(img.astype(np.float32) / 255)[None, None]
        case = {"h": h, "w": w, "oh": oh, "ow": ow, "src": img.ravel().tolist(), "pil": {}, "torch": {}, "antialias": {}}
        for name, code in PIL_FILTERS.items():
            case["pil"][name] = np.asarray(Image.fromarray(img).resize((ow, oh), code)).ravel().tolist()
        for name in ("nearest", "bilinear", "bicubic"):
            kw = {} if name == "nearest" else {"align_corners": False}
            out = F.interpolate(t, size=(oh, ow), mode=name, **kw)
            case["torch"][name] = [round(float(v), 8) for v in out.flatten()]
        for name in ("bilinear", "bicubic"):
            out = F.interpolate(t, size=(oh, ow), mode=name, align_corners=False, antialias=True)
            case["antialias"][name] = [round(float(v), 8) for v in out.flatten()]
        cases.append(case)
    print(json.dumps(cases))


main()
