"""Checks llama.py and methods.py against independent implementations.

    python3 check.py

Always: torch.optim (Adam, AdamW, SGD) and published scalar values. Where
installed: transformers (LlamaForCausalLM, Adafactor), peft (LoRA) and
galore_torch (GaLore). Everything runs in float64 on random data, and each
check prints the largest relative difference.
"""

import importlib
import importlib.metadata
import importlib.util
import sys
import types

import torch

import llama
import methods

torch.set_default_dtype(torch.float64)
failures = []


def report(what, got, want, tolerance=1e-12):
    """got and want are lists of tensors."""
    worst = max(float((g - w).norm() / w.norm().clamp(min=1e-300)) for g, w in zip(got, want))
    print(f"{'ok  ' if worst <= tolerance else 'FAIL'} {what}: {worst:.1e}")
    if not worst <= tolerance:
        failures.append(what)


def optional(module):
    try:
        return importlib.import_module(module)
    except Exception as e:  # an installed package may still fail to import
        print(f"skip {module}: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}")
        return None


CASE = dict(
    optimizer="adamw", convention="torch", betas=[0.9, 0.999], eps=1e-8, momentum=0.0, decay="before",
    weight_decay=0.0, decay_rate=0.8, clip_threshold=1.0, rank=3, update_proj_gap=5, scale=0.25, proj_type="std",
)


def trajectory(method, start, gradient, steps=10, lr=0.01):
    w = start.clone()
    for u in range(steps):
        w = method.update("w", w, gradient(u, w), lr * (1 + u))
    return w


def torch_trajectory(make, start, gradient, steps=10, lr=0.01):
    w = torch.nn.Parameter(start.clone())
    optimizer = make(w)
    for u in range(steps):
        optimizer.param_groups[0]["lr"] = lr * (1 + u)
        w.grad = gradient(u, w.detach())
        optimizer.step()
    return w.detach()


def check_optimizers():
    torch.manual_seed(0)
    start, noise = torch.randn(5, 7), torch.randn(10, 5, 7)
    gradient = lambda u, w: w + noise[u]
    for name, case, make in [
        ("Adam, l2", dict(decay="l2", weight_decay=0.1), lambda w: torch.optim.Adam([w], weight_decay=0.1)),
        ("AdamW", dict(weight_decay=0.1), lambda w: torch.optim.AdamW([w], weight_decay=0.1)),
        (
            "SGD, momentum, l2",
            dict(optimizer="sgd", momentum=0.9, decay="l2", weight_decay=0.1),
            lambda w: torch.optim.SGD([w], lr=1, momentum=0.9, weight_decay=0.1),
        ),
    ]:
        got = trajectory(methods.Method(CASE | case), start, gradient)
        report(f"torch.optim {torch.__version__} {name}", [got], [torch_trajectory(make, start, gradient)])


def check_scalars():
    """Three steps from W = 1 at lr 0.01, computed by hand from the formulas."""
    large, small = [0.1, -0.2, 0.3], [1e-5, -2e-5, 3e-5]
    for name, case, g, want in [
        ("torch Adam", dict(decay="l2", weight_decay=0.1), large, [0.990000000500, 0.987375197176, 0.980811594664]),
        ("torch AdamW", dict(weight_decay=0.1), large, [0.989000001000, 0.991672036038, 0.987247953358]),
        (
            "galore AdamW",
            dict(convention="galore", eps=1e-6, decay="after", weight_decay=0.1),
            large,
            [0.989013158117, 0.991681001984, 0.987260632429],
        ),
        ("torch, small gradients", {}, small, [0.990009990010, 0.993668711649, 0.990237888555]),
        (
            "galore, small gradients",
            dict(convention="galore", eps=1e-6),
            small,
            [0.997597469266, 0.999113830888, 0.997253783752],
        ),
    ]:
        method, w, got = methods.Method(CASE | case), torch.ones(1, 1), []
        for x in g:
            w = method.update("w", w, torch.full((1, 1), x), 0.01)
            got.append(w[0, 0])
        report(f"scalars {name}", got, [torch.tensor(x) for x in want], 1e-11)


def check_schedules():
    cosine = {0: 0, 1: 0.0005, 2000: 1, 6500: 0.8681980515, 11000: 0.55, 15500: 0.2318019485, 19999: 0.1000000069}
    got = [torch.tensor(methods.cosine(u, 20000, 2000, 0.1)) for u in cosine]
    report("cosine", got[1:], [torch.tensor(float(v)) for v in cosine.values()][1:], 1e-9)
    jagged = {250: 0.5, 500: 1, 4999: 0.802615, 5001: 0.007944, 5050: 0.397203, 5099: 0.786462, 5100: 0.794406,
              9999: 0.339302, 10100: 0.330652, 14999: 0.1}  # fmt: skip
    got = [torch.tensor(methods.jagged_cosine(u, 15000, 500, 0.1, 5000, 100)) for u in jagged]
    report("jagged cosine", got, [torch.tensor(float(v)) for v in jagged.values()], 1e-4)


def tiny():
    """A model with large weights, so that attention is far from uniform."""
    config = llama.Config(32, 56, 2, 4, 50)
    shapes = {"model.embed_tokens.weight": (50, 32), "lm_head.weight": (50, 32), "model.norm.weight": (32,)}
    for i in range(config.num_hidden_layers):
        shapes[f"model.layers.{i}.input_layernorm.weight"] = (32,)
        shapes[f"model.layers.{i}.post_attention_layernorm.weight"] = (32,)
    for m in llama.linears(config):
        out, inn = (32, 56) if "down" in m else (56, 32) if ".mlp." in m else (32, 32)
        shapes[f"{m}.weight"] = (out, inn)
    torch.manual_seed(1)
    params = {k: torch.randn(s) * 0.2 + (len(s) == 1) for k, s in shapes.items()}
    tokens, targets = torch.randint(0, 50, (3, 11)), torch.randint(0, 50, (3, 11))
    targets[1, 7:] = -100
    return config, params, tokens, targets


def hugging_face(transformers, config, params):
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            hidden_size=config.hidden_size, intermediate_size=config.intermediate_size, vocab_size=config.vocab_size,
            num_hidden_layers=config.num_hidden_layers, num_attention_heads=config.num_attention_heads,
            rms_norm_eps=config.rms_norm_eps, attn_implementation="eager", tie_word_embeddings=False,
        )
    ).double()  # fmt: skip
    model.load_state_dict(params, strict=False)
    return model


def compare_gradients(name, scores, targets, grads, config, params, tokens, scale, tolerance):
    leaves = {k: v.clone().requires_grad_(k in grads) for k, v in params.items()}
    ours = llama.logits(config, leaves, tokens, scale)
    loss = llama.loss(ours, targets)
    loss.backward()
    want = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-100)
    want.backward()
    report(f"{name} logits and loss", [ours.detach(), loss.detach()], [scores.detach(), want.detach()], tolerance)
    report(f"{name} gradients of {len(grads)} tensors", [leaves[k].grad for k in grads], [g().grad for g in grads.values()], tolerance)


# transformers takes the square mean and the softmax in float32 whatever the
# model's type, so the agreement with it is that of float32.
FLOAT32 = 2e-6


def check_llama(transformers):
    config, params, tokens, targets = tiny()
    model = hugging_face(transformers, config, params)
    named = dict(model.named_parameters())
    assert set(named) == set(params), set(named) ^ set(params)
    grads = {k: (lambda p=p: p) for k, p in named.items()}
    compare_gradients(
        f"transformers {transformers.__version__} LlamaForCausalLM", model(tokens).logits, targets, grads, config, params,
        tokens, 1.0, FLOAT32,
    )  # fmt: skip


def check_lora(transformers, peft):
    config, params, tokens, targets = tiny()
    model = peft.get_peft_model(
        hugging_face(transformers, config, params),
        peft.LoraConfig(r=4, lora_alpha=10, target_modules=list(llama.ATTENTION + llama.MLP), init_lora_weights=False),
    ).double()
    grads = {}
    for name, p in model.named_parameters():
        if "lora_" in name:
            ours = name.removeprefix("base_model.model.").replace(".default", "")
            params[ours], grads[ours] = p.detach().clone(), lambda p=p: p
    assert len(grads) == 2 * 7 * config.num_hidden_layers
    compare_gradients(f"peft {peft.__version__} LoRA", model(tokens).logits, targets, grads, config, params, tokens, 2.5, FLOAT32)


def check_adafactor(transformers):
    from transformers.optimization import Adafactor

    torch.manual_seed(2)
    for shape in [(5, 7), (6,)]:
        for momentum in (None, 0.9):
            start, noise = torch.randn(*shape), torch.randn(10, *shape)
            gradient = lambda u, w: w + noise[u]
            make = lambda w: Adafactor(
                [w], lr=1, beta1=momentum, weight_decay=0.1, relative_step=False, scale_parameter=False, warmup_init=False
            )
            case = CASE | dict(optimizer="adafactor", momentum=momentum or 0.0, weight_decay=0.1)
            # Gradients are cast to float32 there only from 16 bits, so this is float64.
            report(
                f"transformers {transformers.__version__} Adafactor {shape} momentum {momentum}",
                [trajectory(methods.Method(case), start, gradient)],
                [torch_trajectory(make, start, gradient)],
            )


def check_galore():
    """Two refreshes. Signs of singular vectors are arbitrary and carried
    moments feel them, so the library's basis is put into our convention. It
    takes the SVD in float32; with two bases the first projected gradient is
    diagonal, and Adam divides the rounding errors beside the diagonal by
    themselves, so they count."""
    spec = importlib.util.find_spec("galore_torch")
    if spec is None:
        print("skip galore_torch: not installed")
        return
    # The package itself needs bitsandbytes; the two modules used here do not.
    package = types.ModuleType("galore_torch")
    package.__path__ = spec.submodule_search_locations
    sys.modules["galore_torch"] = package
    projector = optional("galore_torch.galore_projector")
    adamw = projector and optional("galore_torch.adamw")
    if not adamw:
        return

    plain = projector.GaLoreProjector.get_orthogonal_matrix

    def signed(self, weights, rank, type):
        basis = plain(self, weights, rank, type)
        if type == "full":
            return [methods.fix_signs(basis[0].T).T, methods.fix_signs(basis[1])]
        return methods.fix_signs(basis.T).T if type == "left" else methods.fix_signs(basis)

    projector.GaLoreProjector.get_orthogonal_matrix = signed
    torch.manual_seed(3)
    for shape in [(9, 6), (6, 9), (7, 7)]:
        for kind in ("std", "reverse_std", "left", "right", "full"):
            start, noise = torch.randn(*shape), torch.randn(12, *shape)
            gradient = lambda u, w: w + noise[u]
            group = dict(rank=3, update_proj_gap=5, scale=0.25, proj_type=kind)
            make = lambda w: adamw.AdamW(
                [{"params": [w], **group}], lr=1, weight_decay=0.1, eps=1e-6, no_deprecation_warning=True
            )
            case = CASE | group | dict(convention="galore", eps=1e-6, decay="after", weight_decay=0.1)
            report(
                f"galore_torch {importlib.metadata.version('galore_torch')} {shape} {kind}",
                [trajectory(methods.GaLore(case, ["w"], lambda *_: None), start, gradient, 12)],
                [torch_trajectory(make, start, gradient, 12)],
                5e-5 if kind == "full" else FLOAT32,
            )


def main():
    check_scalars()
    check_schedules()
    check_optimizers()
    if transformers := optional("transformers"):
        check_llama(transformers)
        if hasattr(importlib.import_module("transformers.optimization"), "Adafactor"):
            check_adafactor(transformers)
        if peft := optional("peft"):
            check_lora(transformers, peft)
    check_galore()
    sys.exit(f"{len(failures)} checks failed" if failures else 0)


if __name__ == "__main__":
    main()
