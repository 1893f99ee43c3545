"""Writes testdata/bitsandbytes.safetensors: the maps and the block-wise quantisation
of bitsandbytes, and a trajectory of 8-bit Adam around that quantisation.

bitsandbytes has the optimizer's update for GPUs only. Its maps and quantiser run on
a CPU up to release 0.42 (with the warning that no GPU was found); the update here is
the published rule (arXiv 2110.02861, section 2) between its dequantisation and its
quantisation.
"""

import os

import torch
from bitsandbytes import __version__ as version
from bitsandbytes import functional as F

from tensors import save

BLOCK, UPDATES, LR, B1, B2, EPS = 256, 20, 0.01, 0.9, 0.999, 1e-8


def quantize(x, code):
    # The CPU's quantiser overwrites the first element of the map with -1.
    q, state = F.quantize_blockwise(x, code=code.clone(), blocksize=BLOCK)
    return q.int(), state.absmax


def dequantize(q, absmax, code):
    scale = absmax.repeat_interleave(BLOCK)[: q.numel()]
    return code[q.long()] * scale


def adam(w, gradients, signed, unsigned):
    zero = int((signed == 0).nonzero()[0])
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
        c1, c2 = 1 - B1**t, (1 - B2**t) ** 0.5
        w = w - LR * c2 / c1 * m / (v.sqrt() + c2 * EPS)
        qm, am = quantize(m, signed)
        qv, av = quantize(v, unsigned)
        qm = torch.where((m < 0) & (qm == zero), qm - 1, qm)  # a negative moment keeps its sign
        m, v = dequantize(qm, am, signed), dequantize(qv, av, unsigned)
    return w, qm, am, qv, av


def main():
    signed, unsigned = F.create_dynamic_map(True), F.create_dynamic_map(False)
    torch.manual_seed(0)
    x = torch.randn(2000) * torch.exp2(torch.randint(-6, 6, (2000,)).float())
    out = {"map_signed": signed, "map_unsigned": unsigned, "x": x}
    out["codes_signed"], out["absmax_signed"] = quantize(x, signed)
    out["codes_unsigned"], out["absmax_unsigned"] = quantize(x * x, unsigned)
    w = torch.randn(1000) * 0.1
    gradients = torch.randn(UPDATES, 1000) * torch.exp2(torch.randint(-3, 3, (1000,)).float())
    out["w"], out["gradients"] = w, gradients
    out["w_end"], out["m_codes"], out["m_absmax"], out["v_codes"], out["v_absmax"] = adam(w, gradients, signed, unsigned)
    path = os.path.join(os.path.dirname(__file__), "testdata", "bitsandbytes.safetensors")
    save(path, out, {"bitsandbytes": version, "torch": torch.__version__, "block": str(BLOCK), "lr": str(LR)})


main()
