#!/usr/bin/env python3
"""Compare the engine with PyTorch on the same processor, pass by pass in turn.

    python3 scripts/compare_torch.py ./plumbline b32 [--batch 1] [--threads 1] [--rounds 15]

prints, for the forward pass and for the forward pass with the gradient at the pixels, the median time of
both for one image and the median, quartiles and number of the ratios PyTorch/Plumbline, pair by pair.
PyTorch runs in a process of its own; its matrix products come from whatever BLAS it was built or linked
with, which the first line names. Debian's python3-torch takes a slow one unless libopenblas0-pthread is installed. Needs torch; nothing in the module depends on it.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

GEOMETRY = {"tiny": (64, 8, 128, 6, 2, 64), "b32": (224, 32, 768, 12, 12, 512),
            "b16": (224, 16, 768, 12, 12, 512), "l14": (224, 14, 1024, 24, 16, 768)}


def torch_side(shape, batch, threads):
    """Answer "fwd" and "grad" lines with seconds for one image."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    side, patch, width, depth, heads, out = GEOMETRY[shape]
    tokens = (side // patch) ** 2 + 1

    def params(*dims):
        return torch.randn(*dims) * 0.02

    patches = params(width, 3, patch, patch)
    cls, pos = params(1, 1, width), params(tokens, width)
    head = params(width, out)
    ones, zeros = torch.ones(width), torch.zeros(width)
    blocks = [dict(qkv=params(3 * width, width), out=params(width, width), up=params(4 * width, width),
                   down=params(width, 4 * width)) for _ in range(depth)]

    def norm(x):
        return F.layer_norm(x, (width,), ones, zeros)

    def encode(x):
        n = x.shape[0]
        x = F.conv2d(x, patches, stride=patch).flatten(2).transpose(1, 2)
        x = norm(torch.cat([cls.expand(n, -1, -1), x], 1) + pos)
        for b in blocks:
            q, k, v = (F.linear(norm(x), b["qkv"]).view(n, tokens, 3, heads, width // heads)
                       .permute(2, 0, 3, 1, 4))
            a = torch.softmax(q @ k.transpose(-1, -2) / (width // heads) ** 0.5, -1) @ v
            x = x + F.linear(a.transpose(1, 2).reshape(n, tokens, width), b["out"])
            y = F.linear(norm(x), b["up"])
            x = x + F.linear(y * torch.sigmoid(1.702 * y), b["down"])
        return x, norm(x[:, 0]) @ head

    image = torch.randn(batch, 3, side, side)

    def forward():
        with torch.no_grad():
            encode(image)

    def gradient():
        z = image.clone().requires_grad_(True)
        t, e = encode(z)
        torch.autograd.grad(t.pow(2).sum() + e.pow(2).sum(), z)

    passes = {"fwd": forward, "grad": gradient}
    for f in passes.values():
        f()
    print(json.dumps({"torch": torch.__version__, "blas": loaded("blas")}), file=sys.stderr)
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        passes[line.strip()]()
        print((time.perf_counter() - start) / batch, flush=True)


def loaded(word):
    """The libraries in this process whose file name has word, by what their links lead to."""
    try:
        with open("/proc/self/maps") as f:
            paths = {line.split()[-1] for line in f if word in os.path.basename(line.split()[-1])}
    except OSError:
        return []
    return sorted(os.path.realpath(p) for p in paths)


def serve(command, env=None):
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                         env={**os.environ, **(env or {})})
    assert p.stdout.readline().strip() == "ready", command
    return p


def ask(p, line):
    p.stdin.write(line + "\n")
    p.stdin.flush()
    return float(p.stdout.readline())


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("plumbline", help="the command, or - for the PyTorch side alone")
    a.add_argument("shape", choices=GEOMETRY)
    a.add_argument("--batch", type=int, default=1)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--rounds", type=int, default=15)
    o = a.parse_args()
    if o.plumbline == "-":
        return torch_side(o.shape, o.batch, o.threads)
    common = [o.shape, "--batch", str(o.batch), "--threads", str(o.threads)]
    pin = ["taskset", "-c", "0"] if o.threads == 1 else []
    ours = serve(pin + [o.plumbline, "bench", *common, "--serve"])
    torch = serve(pin + [sys.executable, __file__, "-", *common])
    for name in ("fwd", "grad"):
        pairs = [(ask(ours, name), ask(torch, name)) for _ in range(o.rounds)]
        ratios = sorted(t / p for p, t in pairs)
        q = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
        print(json.dumps({
            "shape": o.shape, "batch": o.batch, "threads": o.threads, "pass": name, "n": o.rounds,
            "plumbline_s": round(statistics.median(p for p, _ in pairs), 5),
            "torch_s": round(statistics.median(t for _, t in pairs), 5),
            "ratio": round(q[1], 2), "quartiles": [round(q[0], 2), round(q[2], 2)]}), flush=True)


if __name__ == "__main__":
    main()
