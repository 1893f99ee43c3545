"""A tiny LLaMA in plain PyTorch, written from its formulas.

Parameters are a dict from Hugging Face's names to tensors, so that gradients,
float64 runs and adapters need no module machinery. Every linear layer computes

    dense              y = x W^T
    dense + adapter    y = x W^T + s (x A^T) B^T        (LoRA, arXiv 2106.09685)
    factored           y = s (x A^T) B^T

with W (out, in), A (r, in), B (out, r), all without bias.
"""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Config:
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    rms_norm_eps: float = 1e-6
    initializer_range: float = 0.02
    rope_theta: float = 10000.0


ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")


def linears(config):
    """Module names of the linear layers between the embedding and the head."""
    for i in range(config.num_hidden_layers):
        yield from (f"model.layers.{i}.self_attn.{n}" for n in ATTENTION)
        yield from (f"model.layers.{i}.mlp.{n}" for n in MLP)


def linear(params, name, x, scale, drop=None):
    """drop(name, x) is what the adapter sees of x; the frozen weight sees it all."""
    y = 0
    if f"{name}.weight" in params:
        y = x @ params[f"{name}.weight"].T
    if f"{name}.lora_A.weight" in params:
        h = (drop(name, x) if drop else x) @ params[f"{name}.lora_A.weight"].T
        y = y + scale * (h @ params[f"{name}.lora_B.weight"].T)
    return y


def rms_norm(x, gain, eps):
    return gain * (x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def rotate(x, theta):
    """Rotary position embedding, half-split: dimension i turns with i + hd/2.

    x is (batch, heads, time, hd); the angle of pair i at position t is
    t * theta^(-2i/hd).
    """
    half = x.shape[-1] // 2
    i = torch.arange(half, dtype=torch.float64)
    angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * theta ** (-i / half)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attention(config, q, k, v):
    batch, time, width = q.shape
    heads = config.num_attention_heads
    split = lambda x: x.view(batch, time, heads, width // heads).transpose(1, 2)
    q, k, v = rotate(split(q), config.rope_theta), rotate(split(k), config.rope_theta), split(v)
    scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads)
    future = torch.ones(time, time, dtype=torch.bool).triu(1)
    weights = scores.masked_fill(future, -math.inf).softmax(-1)
    return (weights @ v).transpose(1, 2).reshape(batch, time, width)


def logits(config, params, tokens, scale=1.0, drop=None):
    """(batch, time) token ids to (batch, time, vocab) logits."""
    h = params["model.embed_tokens.weight"][tokens]
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}"
        apply = lambda module, x: linear(params, f"{layer}.{module}", x, scale, drop)
        x = rms_norm(h, params[f"{layer}.input_layernorm.weight"], config.rms_norm_eps)
        q, k, v = (apply(f"self_attn.{n}", x) for n in ("q_proj", "k_proj", "v_proj"))
        h = h + apply("self_attn.o_proj", attention(config, q, k, v))
        x = rms_norm(h, params[f"{layer}.post_attention_layernorm.weight"], config.rms_norm_eps)
        gate = apply("mlp.gate_proj", x)
        h = h + apply("mlp.down_proj", gate * torch.sigmoid(gate) * apply("mlp.up_proj", x))
    h = rms_norm(h, params["model.norm.weight"], config.rms_norm_eps)
    return h @ params["lm_head.weight"].T


def loss_sum(scores, targets):
    """Summed cross-entropy over the targets that are not negative (padding)."""
    log_p = scores.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(log_p * (targets >= 0)).sum()


def loss(scores, targets):
    """The mean over those targets."""
    return loss_sum(scores, targets) / (targets >= 0).sum()
