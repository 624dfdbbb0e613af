"""Export small encoders and text towers with PyTorch 1.13, spelt as OpenAI, Hugging Face and DINOv2 spell them, and what they
compute in float64: testdata/exports. python3 scripts/export_small.py testdata/exports

Vision towers are exported as users do, for one size, and compute their goldens at other sizes with the position embedding
interpolated inside, as the released code of PRM, transformers and DINOv2 (scale factor with an offset of 0.1) does. Pixel i of
image b is sin(0.7·i + b). The gradient, every eleventh element of it, is that of the sum of squares plus the sum of the pooled output.
"""
import json, math, sys, warnings
import torch, torch.nn as nn, torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(4)
D, H, P, N, VOCAB, CONTEXT = 16, 2, 8, 4, 40, 10


class Quick(nn.Module):
    def forward(self, x): return x * torch.sigmoid(1.702 * x)


class OpenAIBlock(nn.Module):
    def __init__(self, mask=None):
        super().__init__()
        self.attn, self.ln_1, self.ln_2, self.mask = nn.MultiheadAttention(D, H), nn.LayerNorm(D), nn.LayerNorm(D), mask
        self.mlp = nn.Sequential(nn.Linear(D, 2 * D), Quick(), nn.Linear(2 * D, D))

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=None if self.mask is None else self.mask.to(x.dtype))[0]
        return x + self.mlp(self.ln_2(x))


class HFBlock(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.ln_1, self.ln_2, self.up, self.down, self.act = nn.LayerNorm(D), nn.LayerNorm(D), nn.Linear(D, 2 * D), nn.Linear(2 * D, D), act

    def forward(self, x, mask=None):
        b, t, _ = x.size()
        y = self.ln_1(x)
        rows = lambda z: z.view(b, -1, H, D // H).transpose(1, 2).contiguous().view(b * H, -1, D // H)
        s = torch.bmm(rows(self.q(y) * (D // H) ** -0.5), rows(self.k(y)).transpose(1, 2))
        if mask is not None:
            s = (s.view(b, H, t, t) + mask).view(b * H, t, t)
        a = torch.bmm(s.softmax(-1), rows(self.v(y))).view(b, H, t, D // H).transpose(1, 2).reshape(b, t, D)
        x = x + self.o(a)
        return x + self.down(self.act(self.up(self.ln_2(x))))


class Vision(nn.Module):
    """kind is openai, hf or dinov2; inside interpolates the position embedding."""
    def __init__(self, kind):
        super().__init__()
        self.kind, self.inside = kind, False
        self.patch, self.cls = nn.Conv2d(3, D, P, P, bias=False), nn.Parameter(torch.randn(1, 1, D))
        self.pos, self.regs = nn.Parameter(torch.randn(1, N * N + 1, D)), nn.Parameter(torch.randn(1, 2, D))
        self.block = OpenAIBlock() if kind == "openai" else HFBlock(nn.GELU())
        self.post, self.proj = nn.LayerNorm(D), nn.Parameter(torch.randn(D, 6) / 2)

    def positions(self, h, w):
        if not self.inside:
            return self.pos
        size = {"size": (h, w)}
        if self.kind == "dinov2":
            size = {"scale_factor": (float(h + 0.1) / N, float(w + 0.1) / N)}
        grid = F.interpolate(self.pos[:, 1:].reshape(1, N, N, D).permute(0, 3, 1, 2), mode="bicubic", align_corners=False, **size)
        return torch.cat((self.pos[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, D)), 1)

    def forward(self, x):
        y = self.patch(x)
        h, w = y.shape[2], y.shape[3]
        y = torch.cat((self.cls.expand(x.shape[0], -1, -1), y.flatten(2).transpose(1, 2)), 1) + self.positions(h, w)
        if self.kind == "dinov2":
            y = torch.cat((y[:, :1], self.regs.expand(x.shape[0], -1, -1), y[:, 1:]), 1)
        y = self.block(y.permute(1, 0, 2)).permute(1, 0, 2) if self.kind == "openai" else self.block(y)
        return self.post(y[:, 0]) @ self.proj


class Text(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind, self.table, self.pos = kind, nn.Embedding(VOCAB, D), nn.Parameter(torch.randn(CONTEXT, D) / 2)
        causal = torch.full((CONTEXT, CONTEXT), float("-inf")).triu_(1)
        self.block = OpenAIBlock(causal) if kind == "openai" else HFBlock(Quick() if kind == "hf" else lambda z: F.gelu(z, approximate="tanh"))
        self.post, self.proj = nn.LayerNorm(D), nn.Linear(D, 6, bias=kind == "siglip")

    def forward(self, ids, attention_mask=None):
        b, t = ids.shape
        x = self.table(ids) + self.pos[:t]
        if self.kind == "openai":
            x = self.block(x.permute(1, 0, 2)).permute(1, 0, 2)
            return self.proj(self.post(x)[torch.arange(b), ids.argmax(-1)])
        if self.kind == "siglip":
            return self.proj(self.post(self.block(x))[:, -1])
        low = torch.finfo(x.dtype).min
        causal = torch.full((t, t), low, dtype=x.dtype)
        causal = causal.masked_fill(torch.arange(t) < (torch.arange(t) + 1).view(t, 1), 0)[None, None].expand(b, 1, t, t)
        hidden = 1.0 - attention_mask[:, None, None, :].expand(b, 1, t, t).to(x.dtype)
        x = self.post(self.block(x, causal + hidden.masked_fill(hidden.to(torch.bool), low)))
        return self.proj(x[torch.arange(b), (ids.to(dtype=torch.int) == VOCAB - 1).int().argmax(-1)])


def export(out, name, model, args, names, output, opset, axes):
    torch.onnx.export(model, args, f"{out}/{name}", input_names=names, output_names=[output], opset_version=opset, dynamic_axes=axes)


def vision(out, name, kind, opset, axes, traced, sizes):
    m = Vision(kind).eval()
    m.inside = traced != (32, 32)
    export(out, name, m, (torch.zeros(1, 3, *traced),), ["pixel_values"], "image_embeds", opset, axes)
    m.inside, entry = True, {"file": name, "registers": 2 if kind == "dinov2" else 0, "stored": traced == (32, 32), "sizes": []}
    if kind == "dinov2" and entry["stored"]:
        entry["offset"] = 0.1
    m.double()
    for h, w in sizes:
        x = torch.stack([torch.sin(0.7 * torch.arange(3 * h * w, dtype=torch.float64) + b).float().double().view(3, h, w) for b in range(2)]).requires_grad_()
        y = m(x)
        (y * y + y).sum().backward()
        entry["sizes"].append({"height": h, "width": w, "embedding": short(y), "gradient": short(x.grad.flatten()[::11])})
    return entry


def text(out, name, kind, opset, axes, dtype):
    m = Text(kind).eval()
    ids = torch.tensor([[1, 7, 3, 39, 0, 0, 0, 0, 0, 0], [1, 2, 38, 5, 6, 7, 8, 9, 10, 39], [1, 39, 0, 0, 0, 0, 0, 0, 0, 0]])
    args, names = (ids[:1].to(dtype),), ["input_ids"]
    if kind == "hf":
        args, names = args + (torch.ones_like(args[0]),), names + ["attention_mask"]
    export(out, name, m, args, names, "text_embeds", opset, axes)
    m.double()
    with torch.no_grad():
        y = m(ids, torch.ones_like(ids)) if kind == "hf" else m(ids)
    return {"file": name, "tokens": ids.tolist(), "embedding": short(y)}


def short(t): return [float(f"{v:.8g}") for v in t.detach().flatten().tolist()]


out = sys.argv[1]
batch = {"pixel_values": {0: "batch"}}
seq = {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "sequence"}}
goldens = {
    "vision": [
        vision(out, "openai_vision.onnx", "openai", 14, batch, (32, 32), [(24, 40), (64, 16)]),
        vision(out, "hf_vision_fixed.onnx", "hf", 12, None, (32, 32), [(48, 32), (64, 16)]),
        vision(out, "hf_vision_open.onnx", "hf", 17, {"pixel_values": {0: "batch", 2: "height", 3: "width"}}, (40, 24), [(24, 40), (64, 16)]),
        vision(out, "dinov2_inside.onnx", "dinov2", 17, batch, (24, 40), [(24, 40)]),
    ],
    "text": [
        text(out, "openai_text.onnx", "openai", 12, None, torch.int32),
        text(out, "hf_text.onnx", "hf", 14, seq, torch.int64),
        text(out, "siglip_text.onnx", "siglip", 17, {"input_ids": {0: "batch"}}, torch.int64),
    ],
}
goldens["vision"].append(vision(out, "dinov2_fixed.onnx", "dinov2", 14, batch, (32, 32), [(24, 40), (64, 16)]))
json.dump(goldens, open(f"{out}/goldens.json", "w"))
