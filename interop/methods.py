"""The training methods in plain PyTorch, each from its formulas.

W and G are (out, in); t counts the updates of a parameter from 1; lr is the
scheduled learning rate of this update. An optimizer's `delta` turns a gradient
into the amount that is subtracted from the weight.
"""

import math

import torch

# ---------------------------------------------------------------- schedules


def constant(u, steps, warmup, floor):
    """Linear warm-up from 0, then 1."""
    return u / warmup if u < warmup else 1.0


def cosine(u, steps, warmup, floor):
    """Linear warm-up from 0, then a half cosine from 1 to the floor."""
    if u < warmup:
        return u / warmup
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (u - warmup) / (steps - warmup)))


def linear(u, steps, warmup, floor):
    """Linear warm-up from 0, then a line from 1 to the floor."""
    if u < warmup:
        return u / warmup
    return 1 - (1 - floor) * (u - warmup) / (steps - warmup)


def jagged_cosine(u, steps, warmup, floor, cycle, restart_warmup):
    """ReLoRA (arXiv 2307.05695): the cosine, re-warmed after every restart."""
    decay = lambda y: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * y / (steps - warmup)))
    if u < warmup:
        return u / warmup
    s = u % cycle
    if u >= cycle and s < restart_warmup:
        return s / restart_warmup * decay(u - s + restart_warmup - warmup)
    return decay(u - warmup)


# ---------------------------------------------------------- base optimizers


class AdamW:
    """torch:   lr/c1 * M / (sqrt(V)/c2 + eps)
    galore:  lr*c2/c1 * M / (sqrt(V) + eps)     c1 = 1-beta1^t, c2 = sqrt(1-beta2^t)
    """

    kinds = ("exp_avg", "exp_avg_sq")

    def __init__(self, convention, betas, eps):
        self.convention, self.betas, self.eps = convention, betas, eps
        self.state = {}

    def delta(self, name, g, lr):
        if name not in self.state:
            self.state[name] = {"step": 0, "exp_avg": torch.zeros_like(g), "exp_avg_sq": torch.zeros_like(g)}
        s = self.state[name]
        b1, b2 = self.betas
        s["step"] += 1
        s["exp_avg"] = b1 * s["exp_avg"] + (1 - b1) * g
        s["exp_avg_sq"] = b2 * s["exp_avg_sq"] + (1 - b2) * g * g
        c1, c2 = 1 - b1 ** s["step"], math.sqrt(1 - b2 ** s["step"])
        if self.convention == "torch":
            return lr / c1 * s["exp_avg"] / (s["exp_avg_sq"].sqrt() / c2 + self.eps)
        return lr * c2 / c1 * s["exp_avg"] / (s["exp_avg_sq"].sqrt() + self.eps)


class SGD:
    """B <- mu B + G; the step is lr B."""

    def __init__(self, momentum):
        self.momentum, self.state = momentum, {}

    def delta(self, name, g, lr):
        buffer = g if name not in self.state else self.momentum * self.state[name] + g
        self.state[name] = buffer
        return lr * buffer


class Adafactor:
    """arXiv 1804.04235 without relative step and parameter scaling.

    The second moment of a matrix is kept as means over rows and columns, that
    of a vector in full. lr is inside the first moment.
    """

    def __init__(self, momentum, decay_rate, clip_threshold):
        self.momentum, self.decay_rate, self.clip_threshold = momentum, decay_rate, clip_threshold
        self.state = {}

    def delta(self, name, g, lr):
        s = self.state.setdefault(name, {"step": 0})
        s["step"] += 1
        b2 = 1 - s["step"] ** -self.decay_rate
        z = g * g + 1e-30
        mix = lambda key, value: s.__setitem__(key, b2 * s.get(key, torch.zeros_like(value)) + (1 - b2) * value)
        if g.dim() == 1:
            mix("exp_avg_sq", z)
            u = g / s["exp_avg_sq"].sqrt()
        else:
            mix("row", z.mean(1))
            mix("col", z.mean(0))
            u = g / ((s["row"] / s["row"].mean()).sqrt()[:, None] * s["col"].sqrt())
        rms = u.norm() / math.sqrt(u.numel())
        u = lr * u / max(1.0, float(rms) / self.clip_threshold)
        if self.momentum:
            s["exp_avg"] = self.momentum * s.get("exp_avg", torch.zeros_like(u)) + (1 - self.momentum) * u
            u = s["exp_avg"]
        return u


def base_optimizer(case):
    kind = case["optimizer"]
    if kind == "adamw":
        return AdamW(case["convention"], case["betas"], case["eps"])
    if kind == "sgd":
        return SGD(case["momentum"])
    return Adafactor(case["momentum"], case["decay_rate"], case["clip_threshold"])


# ------------------------------------------------------------------- GaLore


def fix_signs(rows):
    """Makes the component of largest magnitude of every row positive."""
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * largest.sign()


class Projector:
    """arXiv 2403.03507: the top singular vectors of one gradient.

    left is (out, r) with orthonormal columns, right (r, in) with orthonormal
    rows; a one-sided projector has only one of them.
    """

    def __init__(self, g, rank, proj_type, watch):
        rows, cols = g.shape
        rank = min(rank, rows, cols)
        u, s, vt = torch.linalg.svd(g, full_matrices=False)
        tall = rows >= cols
        sides = {
            "std": ("right",) if tall else ("left",),
            "reverse_std": ("left",) if tall else ("right",),
            "left": ("left",),
            "right": ("right",),
            "full": ("left", "right"),
        }[proj_type]
        self.left = fix_signs(u[:, :rank].T).T if "left" in sides else None
        self.right = fix_signs(vt[:rank]) if "right" in sides else None
        watch(s[: rank + 1], self.left, self.right)

    def project(self, g):
        if self.left is not None:
            g = self.left.T @ g
        return g if self.right is None else g @ self.right.T

    def back(self, r):
        if self.left is not None:
            r = self.left @ r
        return r if self.right is None else r @ self.right


# ---------------------------------------------------------------- the methods


class Method:
    """Full-rank training; also the rest set of every other method."""

    def __init__(self, case):
        self.case, self.optimizer = case, base_optimizer(case)

    def update(self, name, w, g, lr):
        decay, rate = self.case["decay"], self.case["weight_decay"]
        if decay == "l2":
            g = g + rate * w
        if decay == "before":
            w = w - lr * rate * w
        w = w - self.delta(name, g, lr)
        if decay == "after":
            w = w - lr * rate * w
        return w

    def delta(self, name, g, lr):
        return self.optimizer.delta(name, g, lr)

    def end_step(self, u, params):
        pass


class GaLore(Method):
    def __init__(self, case, targets, watch):
        super().__init__(case)
        self.targets, self.watch = targets, watch
        self.count, self.projectors = {}, {}

    def delta(self, name, g, lr):
        if name not in self.targets:
            return self.optimizer.delta(name, g, lr)
        k = self.count.get(name, 0)
        self.count[name] = k + 1
        if k % self.case["update_proj_gap"] == 0:
            self.projectors[name] = Projector(g, self.case["rank"], self.case["proj_type"], self.watch)
        p = self.projectors[name]
        return self.case["scale"] * p.back(self.optimizer.delta(name, p.project(g), lr))


def adapter_scale(case):
    """The factor s of an adapter."""
    alpha, rank = case["lora_alpha"], case["rank"]
    return {"alpha_over_r": alpha / rank, "alpha_over_sqrt_r": alpha / math.sqrt(rank), "fixed": alpha}[case["scaling"]]


def keep_largest(x, p):
    """Zeroes all entries whose magnitude is not above the p-quantile."""
    return torch.where(x.abs() > torch.quantile(x.abs().flatten(), p), x, torch.zeros_like(x))


class ReLoRA(Method):
    """arXiv 2307.05695, wrapped around the model before update `start`.

    boundary:  merge before update u = q, 2q, ...; reset before u = C, 2C, ...
    reference: with u' = u + 1 after update u: merge if u' > q and u' mod q = 1,
               reset if u' > C and u' mod C = 1

    u counts from the wrap. `drawn(kind, j, name)` returns what Go drew: the A
    of merge j ("merge") or the 0/1 mask of reset j ("keep").
    """

    def __init__(self, case, modules, drawn, start):
        super().__init__(case)
        self.modules, self.drawn, self.start = modules, drawn, start
        self.merges = self.resets = 0

    def end_step(self, u, params):
        done = u + 1 - self.start
        if self.case["merge_at"] == "reference":
            done -= 1
        due = lambda period: done >= period and done % period == 0
        if due(self.case["merge_every"]):
            self.merge(params)
        if due(self.case["cycle_length"]):
            self.reset()

    def merge(self, params):
        s = adapter_scale(self.case)
        for m in self.modules:
            a, b = params[f"{m}.lora_A.weight"], params[f"{m}.lora_B.weight"]
            params[f"{m}.weight"] = params[f"{m}.weight"] + s * (b @ a)
            params[f"{m}.lora_A.weight"] = self.drawn("merge", self.merges, f"{m}.lora_A.weight").to(a.dtype)
            params[f"{m}.lora_B.weight"] = torch.zeros_like(b)
        self.merges += 1

    def reset(self):
        mode = self.case["reset"]
        for name in (f"{m}.{factor}.weight" for m in self.modules for factor in ("lora_A", "lora_B")):
            s = self.optimizer.state[name]
            for kind in AdamW.kinds:
                if mode == "zero":
                    s[kind] = torch.zeros_like(s[kind])
                elif mode == "magnitude":
                    s[kind] = keep_largest(s[kind], self.case["reset_ratio"])
                elif mode == "random":
                    s[kind] = s[kind] * self.drawn("keep", self.resets, f"{name}.{kind}").to(s[kind].dtype)
            if self.case["reset_step"]:
                s["step"] = 0
        self.resets += 1
