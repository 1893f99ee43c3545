"""Writes the golden files in testdata/ from testdata/inputs.safetensors.

Every computation runs in float64, which is the reference, and again in
float32. The difference between the two is PyTorch's own float32 deviation, the
yardstick of the Go tests. See README.md.
"""

import argparse
import json
import math
import pathlib

import torch

import llama
import methods
import tensors

HERE = pathlib.Path(__file__).parent


class Inputs:
    """The numbers that Go drew (interop/inputs)."""

    def __init__(self, path):
        self.all, _ = tensors.load(path)

    def under(self, prefix, dtype):
        """The tensors whose names start with prefix, without it."""
        return {k[len(prefix):]: v.to(dtype) for k, v in self.all.items() if k.startswith(prefix)}

    def ids(self, name):
        return self.all[name].long()


def gradients(config, params, trained, tokens, targets, scale):
    """Returns (logits, loss, gradients of the trained parameters)."""
    leaves = {k: v.clone().requires_grad_(k in trained) for k, v in params.items()}
    scores = llama.logits(config, leaves, tokens, scale)
    loss = llama.loss(scores, targets)
    grads = torch.autograd.grad(loss, [leaves[k] for k in trained])
    return scores.detach(), loss.detach(), dict(zip(trained, grads))


# -------------------------------------------------------- logits and gradients


def parametrize(params, factors, variant, modules):
    """Parameters and names of the trained ones for one parametrization."""
    if variant == "dense":
        return params, list(params)
    weights = {f"{m}.weight" for m in modules}
    rest = {k: v for k, v in params.items() if k not in weights}
    trained = list(rest) + list(factors)
    if variant == "factored":
        return rest | factors, trained
    return params | factors, trained


def golden_llama(config, inputs, scale):
    out, modules = {}, list(llama.linears(config))
    tokens, targets = inputs.ids("llama/tokens"), inputs.ids("llama/targets")
    for variant in ("dense", "adapter", "factored"):
        results = []
        for dtype in (torch.float64, torch.float32):
            params, trained = parametrize(
                inputs.under("llama/weights/", dtype), inputs.under("llama/factors/", dtype), variant, modules
            )
            scores, loss, grads = gradients(config, params, trained, tokens, targets, scale)
            results.append({"logits": scores, "loss": loss} | {f"grad/{k}": g for k, g in grads.items()})
        for k, want in results[0].items():
            out[f"{variant}/{k}"] = want
            out[f"{variant}/f32_error/{k}"] = (results[1][k].double() - want).norm() / want.norm()
    return out


# ---------------------------------------------------------------- trajectories


class Separation:
    """How well the bases of a run are defined, worst case over all refreshes.

    gap:  the smallest relative distance between neighbouring singular values
          up to rank and the next one
    sign: the smallest relative distance between the largest magnitude in a
          basis vector and the largest magnitude of the other sign
    """

    def __init__(self):
        self.gap = self.sign = math.inf

    def __call__(self, s, left, right):
        self.gap = min(self.gap, float(((s[:-1] - s[1:]) / s[0]).min()))
        for rows in ([left.T] if left is not None else []) + ([right] if right is not None else []):
            self.sign = min(self.sign, float((1 - (-rows).max(1).values / rows.max(1).values).min()))


def rate(case, u):
    """The scheduled learning rate of update u. A full-rank warm start is a run
    of its own that is cut off, and the schedule after it starts again."""
    start = case["full_rank_steps"] if case["kind"] == "relora" else 0
    if u < start:
        return case["lr"] * methods.cosine(u, case["steps"], case["warmup_steps"], case["min_lr_ratio"])
    arguments = [u - start, case["steps"] - start, case["warmup_steps"], case["min_lr_ratio"]]
    if case["scheduler"] == "jagged_cosine":
        arguments += [case["cycle_length"], case["restart_warmup_steps"]]
    return case["lr"] * getattr(methods, case["scheduler"])(*arguments)


def run(config, case, inputs, dtype, watch):
    """Trains and yields (learning rate, loss, parameters after the update)."""
    name, kind = case["name"], case["kind"]
    modules = list(llama.linears(config))
    params = inputs.under("trajectory/weights/", dtype)
    factors = inputs.under(f"{name}/factors/", dtype)
    weights = [f"{m}.weight" for m in modules]
    scale = 1.0
    if kind in ("lora", "relora") or case.get("init") == "kaiming":
        scale = methods.adapter_scale(case)
    if kind == "lowrank":
        params = {k: v for k, v in params.items() if k not in weights}
    if kind == "galore":
        method = methods.GaLore(case, weights, watch)
    else:
        method = methods.Method(case)
    start = case["full_rank_steps"] if kind == "relora" else 0
    tokens, targets = inputs.ids("trajectory/tokens"), inputs.ids("trajectory/targets")
    for u in range(case["updates"] + 1):
        if u == start:
            params |= factors
            if kind == "relora":  # wrapped here, with fresh moments everywhere
                method = methods.ReLoRA(case, modules, lambda *key: inputs.all["/".join((name, *map(str, key)))], start)
        if u > 0:
            yield lr, loss, dict(params)
        if u == case["updates"]:
            return
        frozen = weights if kind in ("lora", "relora") and u >= start else []
        trained = [k for k in params if k not in frozen]
        _, loss, grads = gradients(config, params, trained, tokens[u], targets[u], scale)
        lr = rate(case, u)
        for k in trained:
            params[k] = method.update(k, params[k], grads[k], lr)
        method.end_step(u, params)


def probe(w):
    """A number that changes when any element of w changes."""
    i = torch.arange(1, w.numel() + 1, dtype=torch.float64)
    return (w.double().flatten() * torch.cos(i)).sum()


def golden_trajectory(config, case, inputs):
    separation = Separation()
    exact = list(run(config, case, inputs, torch.float64, separation))
    single = list(run(config, case, inputs, torch.float32, lambda *_: None))
    final = exact[-1][2]
    names = list(final)
    missing = lambda params, k: torch.zeros_like(final[k]) if k not in params else params[k]
    distance = lambda p, q, k: (missing(p, k).double() - missing(q, k).double()).norm()
    out = {
        "lr": torch.tensor([lr for lr, _, _ in exact], dtype=torch.float64),
        "loss": torch.stack([loss for _, loss, _ in exact]),
        "f32_loss": torch.stack([loss.double() for _, loss, _ in single]),
        "probe": torch.stack([torch.stack([probe(missing(p, k)) for k in names]) for _, _, p in exact]),
        "f32_distance": torch.stack(
            [torch.stack([distance(p, q, k) for k in names]) for (_, _, p), (_, _, q) in zip(exact, single)]
        ).float(),
    }
    out |= {f"weights/{k}": v for k, v in final.items()}
    total = out["f32_distance"][-1].norm()
    relative = total / torch.stack([v.norm() for v in final.values()]).norm()
    largest = max(float((single[-1][2][k].double() - v).abs().max() / v.abs().max().clamp(min=1e-300)) for k, v in final.items())
    loss_error = (out["f32_loss"] - out["loss"]).norm()
    print(
        f"{case['name']:29} loss {out['loss'][0]:.4f} -> {out['loss'][-1]:.4f}  f32: weights {relative:.1e} "
        f"max {largest:.1e} loss {loss_error:.1e}  gap {separation.gap:.3f} sign {separation.sign:.3f}"
    )
    metadata = {
        "case": json.dumps(case, sort_keys=True),
        "f32_relative_l2": f"{relative:.3e}",
        "f32_max_relative": f"{largest:.3e}",
    }
    return out, metadata


def load_cases(file):
    return [file["defaults"] | case for case in file["cases"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", default=HERE / "testdata", type=pathlib.Path)
    parser.add_argument("--only", default="", help="substring of case names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    file = json.loads((HERE / "cases.json").read_text())
    inputs = Inputs(args.dir / "inputs.safetensors")
    version = {"torch": torch.__version__}
    if not args.only:
        config = llama.Config(**file["llama"])
        tensors.save(args.dir / "llama.safetensors", golden_llama(config, inputs, file["factor_scale"]), version)
    config = llama.Config(**file["trajectory"])
    for case in load_cases(file):
        if args.only in case["name"]:
            out, metadata = golden_trajectory(config, case, inputs)
            tensors.save(args.dir / f"{case['name']}.safetensors", out, version | metadata)


if __name__ == "__main__":
    main()
