"""Replays bundles of `ranklab bundle` in plain PyTorch and compares.

    python3 replay_torch.py BUNDLE... [--report FILE]

Each bundle is trained again from its manifest and tensors (docs/bundle.md) in
float64 and in float32. The float64 replay is the reference. ranklab, which
computes in float32, must be no further from it than 4 times what PyTorch's own
float32 replay is. The bases of GaLore are given; they are compared with
torch.linalg.svd of the stored gradients. The exit status is 1 if a bundle does
not agree.
"""

import argparse
import hashlib
import json
import math
import pathlib
import sys

import torch

import llama
import methods
import tensors

FACTOR = 4  # ours may be so many times as far from float64 as PyTorch's float32 is
FLOOR = 2.0**-24  # half a unit in the last place of float32: what any of them may be off by
CAPTURED = 0.995  # the least energy of a range finder's basis, as a share of that of the exact one
NUDGED = 16  # float32 replays of a bundle whose numbers are kept in 16 or 8 bits
NOTICED = 1.01  # a factor of all learning rates that the comparison must notice


class BadBundle(Exception):
    pass


class Bundle:
    """The content of a folder that docs/bundle.md describes."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self.manifest = json.loads((self.path / "manifest.json").read_text())
        except (OSError, ValueError) as e:
            raise BadBundle(f"{path}: {e}")
        if self.manifest.get("format") != "ranklab replay bundle" or self.manifest.get("version") != 1:
            raise BadBundle(f"{path}: not a replay bundle of version 1")
        for name, file in self.manifest["files"].items():
            if hashlib.sha256((self.path / name).read_bytes()).hexdigest() != file["sha256"]:
                raise BadBundle(f"{self.path / name}: not the file that the manifest names")
        self.init, self.final, self.state, self.batches, self.random, self.projectors = (
            tensors.File(self.path / f"{name}.safetensors")
            for name in ("init", "final", "state", "batches", "random", "projectors")
        )
        gradients = self.path / "gradients.safetensors"
        self.gradients = tensors.File(gradients) if gradients.exists() else None
        self.trace = [json.loads(line) for line in (self.path / "trace.jsonl").read_text().splitlines()]
        self.method, self.train = self.manifest["settings"]["method"], self.manifest["settings"]["train"]
        self.roles = {p["name"]: p["role"] for p in self.manifest["parameters"]}
        self.adapters = {p["name"] for p in self.manifest["parameters"] if p.get("adapter")}
        self.factors = self.manifest.get("factors", [])

    def config(self):
        names = llama.Config.__dataclass_fields__
        return llama.Config(**{k: v for k, v in self.manifest["model"].items() if k in names})

    def rounds(self):
        """Whether numbers are rounded to fewer bits than they are computed with."""
        kept = (self.train["dtype"], self.train["state_dtype"])
        return kept != ("float32", "float32") or self.method["optimizer"] == "adamw8bit"

    def phase(self, u):
        """The parameters that update u trains."""
        return [p for p in self.manifest["phases"] if p["from"] <= u][-1]["trained"]

    def moments(self, formats):
        """Our optimizer state by buffer, in float64."""
        all = {}
        for name in self.state.names():
            if name.endswith((".absmax", ".scale", ".zero", ".projector_left", ".projector_right")):
                continue
            all[name] = self.state[name].double()
            if self.state.dtype(name) == "U8":
                all[name] = formats.decode(kind_of(name), self.state[name], self.state[name + ".absmax"])
        return all


def kind_of(buffer):
    return buffer.rsplit(".", 1)[1]


class Formats:
    """How optimizer state and weights are kept between updates.

    A value is computed in the precision of the replay and then rounded: to
    bfloat16, or block by block to 8 bits (arXiv 2110.02861).
    """

    def __init__(self, bundle):
        self.method, self.train = bundle.method, bundle.train
        self.maps = {k: torch.tensor(v, dtype=torch.float32) for k, v in bundle.manifest.get("dynamic_map", {}).items()}

    def weight(self, w):
        return w if self.train["dtype"] == "float32" else w.bfloat16().to(w.dtype)

    def moment(self, kind, x):
        if self.method["optimizer"] == "adamw8bit":
            return x if x.numel() < self.method["min_8bit_size"] else self.block_wise(kind, x)
        if self.train["state_dtype"] == "float32":
            return x
        if self.method["optimizer"] == "adafactor" and kind != "exp_avg":
            return x
        return x.bfloat16().to(x.dtype)

    def map(self, kind):
        return self.maps["unsigned" if kind == "exp_avg_sq" else "signed"]

    def block_wise(self, kind, x):
        size = self.method["block_size"]
        flat = torch.nn.functional.pad(x.flatten(), (0, -x.numel() % size)).view(-1, size)
        scale = flat.abs().amax(1, keepdim=True)
        codes = self.codes(self.map(kind), flat / torch.where(scale > 0, scale, torch.ones_like(scale)))
        return (self.map(kind).to(x.dtype)[codes] * scale).flatten()[: x.numel()].view_as(x)

    def codes(self, values, x):
        """The nearest elements; a negative value never becomes 0."""
        zero = int((values == 0).nonzero()[0])
        middle = ((values[:-1] + values[1:]) / 2).to(x.dtype)
        nearest = torch.searchsorted(middle, x.abs())
        negative = 2 * zero - nearest.clamp(zero + 1, max(zero + 1, 2 * zero))
        return torch.where(x >= 0, nearest, negative)

    def decode(self, kind, codes, absmax):
        scale = absmax.double().repeat_interleave(self.method["block_size"])[: codes.numel()].view_as(codes)
        return self.map(kind).double()[codes.long()] * scale


class Update(methods.Method):
    """Turns gradients into updates, by the bases that the bundle holds."""

    KINDS = {"row": "exp_avg_sq_row", "col": "exp_avg_sq_col"}  # as our state has them

    def __init__(self, bundle, formats, dtype):
        case = dict(bundle.method)
        if case["optimizer"] == "adamw8bit":  # the same step, around other moments
            case |= {"optimizer": "adamw", "convention": "torch"}
        super().__init__(case)
        self.bundle, self.formats, self.dtype = bundle, formats, dtype
        self.projected = {p["parameter"]: p for p in bundle.manifest.get("projected", [])}
        self.bases = {}

    def refresh(self, u):
        prefix, old = f"{u:06d}/", dict(self.bases)
        new = [name[len(prefix) :] for name in self.bundle.projectors.names(prefix)]
        for name in new:
            self.bases[name] = self.bundle.projectors[prefix + name].to(self.dtype)
        moments, gap = self.case.get("moments"), self.case.get("update_proj_gap")
        for p in self.projected.values():
            if moments == "reset" and gap != "never" and u % gap == 0:
                self.reset(p["parameter"])
            if moments == "rotate":
                self.rotate(p, old, new)

    def reset(self, name):
        """All state of a projected weight becomes 0 when a refresh is due."""
        for kind, x in self.moments(name).items():
            self.replace(name, kind, torch.zeros_like(x))

    def rotate(self, p, old, new):
        """The first moment follows its basis: M <- Q_left M Q_right^T."""
        for kind, m in self.moments(p["parameter"]).items():
            if kind not in ("exp_avg", "momentum_buffer"):
                continue
            left, right = (side in old and side in new and side for side in (p.get("left"), p.get("right")))
            if left:
                m = self.bases[left].T @ (old[left] @ m)
            if right:
                m = (m @ old[right]) @ self.bases[right].T
            if left or right:
                self.replace(p["parameter"], kind, self.formats.moment(kind, m))

    def delta(self, name, g, lr):
        p = self.projected.get(name)
        if p is None:
            return self.step(name, g, lr)
        left, right = self.bases.get(p.get("left")), self.bases.get(p.get("right"))
        if left is not None:
            g = left.T @ g
        if right is not None:
            g = g @ right.T
        r = self.step(name, g, lr)
        if left is not None:
            r = left @ r
        if right is not None:
            r = r @ right
        return self.case["scale"] * r

    def step(self, name, g, lr):
        """One step of the base optimizer, whose state is rounded after it."""
        shape = g.shape
        if self.case["optimizer"] == "adafactor" and min(shape) == 1:
            g = g.flatten()  # keeps its second moment whole
        step = self.optimizer.delta(name, g, lr)
        for kind, value in self.moments(name).items():
            self.replace(name, kind, self.formats.moment(kind, value))
        return step.view(shape)

    def moments(self, name):
        s = self.optimizer.state.get(name, {})
        if torch.is_tensor(s):
            return {"momentum_buffer": s}
        return {self.KINDS.get(k, k): v for k, v in s.items() if k != "step"}

    def replace(self, name, kind, value):
        if kind == "momentum_buffer":
            self.optimizer.state[name] = value
        else:
            self.optimizer.state[name][{v: k for k, v in self.KINDS.items()}.get(kind, kind)] = value

    def set_time(self, name, t):
        s = self.optimizer.state.get(name)
        if isinstance(s, dict):
            s["step"] = t - 1
        elif t != 1 and s is None:
            raise BadBundle(f"{name}: its first update has t = {t}")


class Replay:
    """A bundle, trained again in one precision.

    rate is a factor of all learning rates. nudge seeds a change of the initial
    weights by up to a unit in the last place of float32.
    """

    def __init__(self, bundle, dtype, rate=1.0, nudge=None):
        self.bundle, self.dtype, self.rate = bundle, dtype, rate
        self.formats = Formats(bundle)
        self.params = {p["name"]: bundle.init[p["name"]].to(dtype) for p in bundle.manifest["parameters"]}
        if nudge is not None:
            noise = torch.Generator().manual_seed(nudge)
            for w in self.params.values():
                by = 2.0**-22 * (torch.rand(w.shape, generator=noise, dtype=torch.float64) - 0.5)
                w.copy_(w.double() * (1 + by))
        self.update = Update(bundle, self.formats, dtype)
        self.losses, self.norms, self.parted = [], [], 0
        scales = {f["scale"] for f in bundle.factors} or {1.0}
        (self.scale,) = scales
        self.dropout = {f["module"]: f["dropout"] for f in bundle.factors}

    def run(self, updates):
        for step in self.bundle.manifest["steps"][:updates]:
            self.step(step)
        return self

    def step(self, step):
        u = step["update"]
        trained = self.bundle.phase(u)
        grads = self.gradients(step, trained)
        norm = torch.stack([g.double().norm() for g in grads.values()]).norm()
        self.norms.append(float(norm))
        clip = self.bundle.train["grad_clipping"]
        if clip > 0 and clip / (float(norm) + 1e-6) < 1:
            grads = {k: g * (clip / (float(norm) + 1e-6)) for k, g in grads.items()}
        self.update.refresh(u)
        for name in trained:
            lr = self.rate * step["lr"][self.bundle.roles[name]]
            self.update.set_time(name, step["t"][self.group(name, step["t"])])
            self.params[name] = self.formats.weight(self.update.update(name, self.params[name], grads[name], lr))
        for event in step.get("events", []):
            {"merge": self.merge, "reset": self.reset, "activate": self.activate}.get(event["kind"], lambda u: None)(u)

    def group(self, name, times):
        """The group of parameters whose time is that of a parameter."""
        if name in self.bundle.adapters:
            return "adapters"
        return "projected" if name in self.update.projected and "projected" in times else "others"

    def gradients(self, step, trained):
        u, batches = step["update"], self.bundle.batches
        hidden = self.bundle.adapters - set(trained)
        grads, total = {}, 0.0
        for micro, scale in enumerate(step["loss_scale"]):
            inputs, targets = batches[f"inputs/{u:06d}"][micro].long(), batches[f"targets/{u:06d}"][micro].long()
            mask = batches[f"mask/{u:06d}"][micro].bool()
            targets = torch.where(mask, targets, torch.full_like(targets, -1))
            leaves = {k: v.clone().requires_grad_(k in trained) for k, v in self.params.items() if k not in hidden}
            scores = llama.logits(self.bundle.config(), leaves, inputs, self.scale, lambda name, x: self.drop(u, micro, name, x))
            loss = llama.loss_sum(scores, targets)
            total += float(loss)
            for name, g in zip(trained, torch.autograd.grad(scale * loss, [leaves[k] for k in trained])):
                grads[name] = grads[name] + g if name in grads else g
        self.losses.append(total / step["targets"])
        return grads

    def drop(self, u, micro, module, x):
        p = self.dropout.get(module, 0.0)
        if p == 0:
            return x
        return self.bundle.random[f"dropout/{u:06d}/{micro:02d}/{module}"].to(x.dtype) * x / (1 - p)

    def merge(self, u):
        for f in self.bundle.factors:
            w, a, b = f"{f['module']}.weight", f["a"], f["b"]
            merged = self.params[w] + f["scale"] * (self.params[b] @ self.params[a])
            self.params[w] = self.formats.weight(merged)
            self.params[a] = self.bundle.random[f"merge/{u:06d}/{a}"].to(self.dtype)
            self.params[b] = torch.zeros_like(self.params[b])

    def reset(self, u):
        mode = self.bundle.method["reset"]
        for name in sorted(self.bundle.adapters):
            for kind, x in self.update.moments(name).items():
                if mode == "zero":
                    self.update.replace(name, kind, torch.zeros_like(x))
                    continue
                keep = self.bundle.random[f"keep/{u:06d}/{name}.{kind}"].to(self.dtype).view_as(x)
                if mode == "magnitude":
                    own = x.abs() > torch.quantile(x.abs().flatten(), self.bundle.method["reset_ratio"])
                    self.parted += int(((keep * x != 0) != own).sum())
                self.update.replace(name, kind, self.formats.moment(kind, keep * x))

    def activate(self, u):
        self.update.optimizer.state.clear()

    def moments(self):
        return {f"{name}.{kind}": x for name in self.params for kind, x in self.update.moments(name).items()}


# ------------------------------------------------------------------- comparison


def distance(got, want):
    """The L2 distance over all tensors, relative to the norm of want."""
    difference = torch.stack([(got[k].double().view_as(want[k]) - want[k].double()).norm() for k in want]).norm()
    return float(difference / torch.stack([w.double().norm() for w in want.values()]).norm().clamp(min=1e-300))


def one_rounding(want):
    """The distance when the largest value alone is another bfloat16, the next."""
    largest = max(float(w.abs().max()) for w in want.values())
    return 2.0**-7 * largest / float(torch.stack([w.double().norm() for w in want.values()]).norm())


def farthest(got, want):
    """Where got is farthest from want: a tensor, or an update of a curve."""
    away = {k: (got[k].double().view_as(want[k]) - want[k].double()).abs() for k in want}
    name = max(away, key=lambda k: float(away[k].norm()))
    return name or f"update {int(away[name].argmax())}"


class Quantity:
    """One quantity's deviation from float64: ours, and that of PyTorch's float32."""

    def __init__(self, name, ours, theirs, floor=FLOOR, where=""):
        self.name, self.ours, self.theirs, self.floor, self.where = name, ours, theirs, floor, where

    def ok(self):
        return self.ours <= max(FACTOR * self.theirs, self.floor)

    def __str__(self):
        text = f"{self.ours:.1e} / {self.theirs:.1e}"
        return text if self.ok() else f"**{text}**"


def curve(values):
    return {"": torch.tensor(values, dtype=torch.float64)}


def quantities(bundle, exact, singles):
    """Compares what a bundle holds with a replay in float64, by the yardstick of
    replays in float32."""
    n = len(exact.losses)
    ours = [row["loss"] for row in bundle.trace[:n]]
    norms = [row["grad_norm"] for row in bundle.trace[:n]]

    def pair(name, got, of, dtype="float32"):
        want = of(exact)
        floor = FLOOR if dtype == "float32" else max(FLOOR, one_rounding(want))
        return Quantity(name, distance(got, want), max(distance(of(s), want) for s in singles), floor, farthest(got, want))

    out = [
        pair("loss", curve(ours), lambda replay: curve(replay.losses)),
        pair("gradient norm", curve(norms), lambda replay: curve(replay.norms)),
    ]
    if not bundle.manifest["replayable"]:
        return out
    out.append(pair("weights", {k: bundle.final[k] for k in exact.params}, lambda replay: replay.params, bundle.train["dtype"]))
    state = bundle.moments(exact.formats)
    for name, second in (("first moments", False), ("second moments", True)):
        names = [k for k in state if kind_of(k).startswith("exp_avg_sq") == second]
        select = lambda all, names=names: {k: all[k] for k in names}
        if names:
            out.append(pair(name, select(state), lambda replay: select(replay.moments()), bundle.train["state_dtype"]))
    return out


def sine(p, v):
    """The sine of the largest principal angle between the row spaces."""
    p, v = torch.linalg.qr(p.T)[0].T, v.double()
    return float(torch.linalg.matrix_norm(p - (p @ v.T) @ v, 2))


UNITS = {"float32": 2.0**-24, "bfloat16": 2.0**-9, "int8": 2.0**-7, "int4": 2.0**-3}  # of a basis in its own format, relative


def affine(x, bits):
    """What becomes of values in blocks of 256 (arXiv 2407.08296)."""
    levels, flat = 2**bits - 1, x.flatten()
    out = []
    for block in flat.split(256):
        scale = max(float(block.max() - block.min()), 1e-5) / levels
        zero = min(max(-round(float(block.min()) / scale), 0), levels)
        out.append(((block / scale).round() + zero).clamp(0, levels).sub(zero) * scale)
    return torch.cat(out).view_as(x)


def drawn(projector, z):
    """The basis that a random projector makes of its normal rows, as rows."""
    if projector == "gaussian":
        return z / math.sqrt(len(z))
    q, r = torch.linalg.qr(z.T)
    return (q * r.diagonal().sign()).T


class Bases:
    """Stored bases beside torch.linalg.svd of the stored gradients, or beside what
    a random projector makes of its stored rows."""

    def __init__(self, bundle):
        self.count, self.ours, self.theirs, self.floor, self.captured, self.least, self.signs = 0, 0.0, 0.0, 0.0, 1.0, CAPTURED, True
        self.projector, self.dtype = bundle.method.get("projector"), bundle.method.get("projector_dtype")
        self.exact = self.projector == "svd"
        self.random = self.projector in ("stiefel", "gaussian", "coordinate")
        if self.random:
            for name in bundle.projectors.names():
                self.compare_drawn(bundle, name)
            return
        for name in bundle.gradients.names() if bundle.gradients else []:
            u, parameter = name.split("/", 1)
            self.compare(bundle, u, parameter, bundle.gradients[name])

    def compare_drawn(self, bundle, name):
        """Counts a basis; ours is its distance from what it should be."""
        p = bundle.projectors[name].double()
        rows = p.T if name.endswith("_left") else p
        self.count += 1
        if self.projector == "coordinate":  # different unit vectors, exact in every format
            unit = bool(((rows - rows.round()).abs().max() < 1e-6) and (rows.round().sum(1) == 1).all() and (rows.round().sum(0) <= 1).all())
            self.ours = max(self.ours, 0.0 if unit else 1.0)
            self.floor = FLOOR
            return
        z, dtype = bundle.random[f"{self.projector}/{name}"], self.format(bundle, name)
        single, want = drawn(self.projector, z), drawn(self.projector, z.double())
        self.theirs = max(self.theirs, float((single.double() - want).norm() / want.norm()))
        if name.endswith("_left"):
            want = want.T
        if dtype in ("int8", "int4"):
            want = affine(want, int(dtype[3:]))
        self.ours = max(self.ours, float((p - want).norm() / want.norm()))
        # The rounding, or of codes one that goes the other way; Cholesky QR in float32 loses the square of the condition.
        self.floor = max(self.floor, UNITS[dtype], 1e-5 if self.projector == "stiefel" else 0)

    def format(self, bundle, name):
        return self.dtype or ("bfloat16" if bundle.projectors.dtype(name) == "BF16" else "float32")

    def compare(self, bundle, u, parameter, g):
        f64, f32 = torch.linalg.svd(g.double(), full_matrices=False), torch.linalg.svd(g, full_matrices=False)
        for side in ("left", "right"):
            name = f"{u}/{parameter}.projector_{side}"
            if name not in bundle.projectors:
                continue
            rows = (lambda d: d[0].T) if side == "left" else (lambda d: d[2])
            p = bundle.projectors[name].double()
            p = p.T if side == "left" else p
            self.signs &= bool((p.amax(1) >= (-p).amax(1) * (1 - UNITS[self.format(bundle, name)])).all())
            rank, a = len(p), (g.double().T if side == "left" else g.double())
            self.count += 1
            self.ours = max(self.ours, sine(p, rows(f64)[:rank]))
            self.theirs = max(self.theirs, sine(rows(f32)[:rank].double(), rows(f64)[:rank]))
            unit = UNITS[self.format(bundle, name)]
            self.floor = max(self.floor, unit * math.sqrt(rank))  # the rounding of the basis itself
            p = torch.linalg.qr(p.T)[0].T  # of few bits it is not orthonormal
            energy = f64[1].square()
            self.captured = min(self.captured, float((a @ p.T).square().sum() / energy[:rank].sum()))
            self.least = min(self.least, CAPTURED * (1 - rank * unit**2))

    def quantity(self):
        return Quantity("bases", self.ours, self.theirs, self.floor)

    def ok(self):
        if self.count == 0:
            return True
        return self.signs and (self.quantity().ok() if self.exact or self.random else self.captured >= self.least)

    def __str__(self):
        if self.count == 0:
            return "–"
        angle = str(self.quantity()) if self.exact or self.random else f"{self.ours:.1e}"
        text = f"{self.count}: {angle}" + ("" if self.random else f", {100 * self.captured:.2f} %")
        return text if self.ok() else f"**{text}**"


class Result:
    def __init__(self, bundle):
        manifest = bundle.manifest
        self.name, self.limits = bundle.path.name, manifest.get("limits", [])
        self.updates = manifest["updates"] if manifest["replayable"] else 1
        exact = Replay(bundle, torch.float64).run(self.updates)
        singles = [Replay(bundle, torch.float32).run(self.updates)]
        if bundle.rounds():
            singles += [Replay(bundle, torch.float32, nudge=seed).run(self.updates) for seed in range(1, NUDGED)]
        self.quantities, self.bases = quantities(bundle, exact, singles), Bases(bundle)
        self.parted = exact.parted
        self.noticed = None
        if manifest["replayable"] and len(exact.losses) > 1:
            wrong = Replay(bundle, torch.float64, NOTICED).run(self.updates)
            shifted = [Shifted(single, exact, wrong) for single in singles]
            self.noticed = not all(q.ok() for q in quantities(bundle, wrong, shifted))
        self.what = f"{manifest['settings']['method']['kind']} on {manifest['settings']['method']['optimizer']}"

    def ok(self):
        return all(q.ok() for q in self.quantities) and self.bases.ok() and self.noticed is not False

    def row(self):
        cells = {q.name: str(q) for q in self.quantities}
        return [self.name, self.what, str(self.updates)] + [cells.get(c, "–") for c in COLUMNS] + [str(self.bases)]


class Shifted:
    """A float32 replay beside the wrong float64 replay, as far from it as it is
    from the right one."""

    def __init__(self, single, exact, wrong):
        move = lambda s, e, w: [a - b + c for a, b, c in zip(s, e, w)]
        self.losses = move(single.losses, exact.losses, wrong.losses)
        self.norms = move(single.norms, exact.norms, wrong.norms)
        self.params = self.shift(single.params, exact.params, wrong.params)
        self.state = self.shift(single.moments(), exact.moments(), wrong.moments())

    def shift(self, single, exact, wrong):
        return {k: single[k].double() - exact[k] + wrong[k] for k in exact}

    def moments(self):
        return self.state


COLUMNS = ("loss", "gradient norm", "weights", "first moments", "second moments")
HEAD = ["bundle", "method", "updates", *COLUMNS, "bases"]


def table(results):
    rows = [HEAD, ["---"] * len(HEAD)] + [r.row() for r in results]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def report(results):
    bad = [r.name for r in results if not r.ok()]
    noticed = [r for r in results if r.noticed is not None]
    parted = sum(r.parted for r in results)
    lines = [
        "# Replays in PyTorch",
        "",
        f"Written by `replay_torch.py` with PyTorch {torch.__version__} on one thread. Each bundle (docs/bundle.md) is trained again in float64 and in",
        f"float32. A cell is the relative L2 distance to the float64 replay: of ranklab / of PyTorch's float32 replay. The first may be at most {FACTOR}",
        f"times the second, or {FLOOR:.0e}; a cell in bold is not. Loss and gradient norm are compared over all updates, weights and moments after the last.",
        "",
        "Where numbers are kept in 16 or 8 bits, one that lies at the border of two roundings goes one way or the other by chance, and moves what follows by",
        f"far more than float32 does. There the second distance is the largest of {NUDGED} float32 replays: one as it is, the others from initial weights that were",
        "moved at random by up to a unit in the last place of float32. One value that is the next bfloat16 is allowed, be it the largest.",
        "",
        "*bases*: how many were compared with `torch.linalg.svd` of the stored gradient; the sine of the largest principal angle to the exact",
        "subspace, and the energy that a basis captures, as a share of what the exact one does, both in the worst case. With the projector `svd` the",
        "second angle is that of PyTorch's float32 decomposition, and the rule above holds, or the rounding of the basis in its own format. A range",
        f"finder's basis is to capture {100 * CAPTURED} %, whatever its angle: where the spectrum is flat, directions are exchanged for ones as good; in 4 bits as",
        "much less as their rounding costs. A random basis is compared with what its stored normal rows give; the number is the largest relative distance.",
        "",
        table(results),
        "",
        f"{len(results) - len(bad)} of {len(results)} bundles agree." + (f" Not: {', '.join(bad)}." if bad else ""),
        f"With all learning rates {NOTICED} times as large, {sum(r.noticed for r in noticed)} of {len(noticed)} are noticed.",
    ]
    if any(r.parted for r in results):
        lines.append(f"Resets by magnitude: {parted} elements are pruned on one side only.")
    for r in results:
        lines += [f"{r.name}, first update only: {limit}." for limit in r.limits]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE", help="folder of a bundle")
    parser.add_argument("--report", type=pathlib.Path, help="write a report in Markdown")
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    try:
        for path in args.bundles:
            results.append(Result(Bundle(path)))
            print(("ok   " if results[-1].ok() else "FAIL ") + "  ".join(results[-1].row()), flush=True)
            for q in results[-1].quantities:
                if not q.ok():
                    print(f"     {q.name}: {q.ours:.1e} from float64, PyTorch's float32 {q.theirs:.1e}; farthest in {q.where}", flush=True)
    except BadBundle as e:
        sys.exit(f"replay_torch: {e}")
    text = report(results)
    if args.report:
        args.report.write_text(text)
    if not all(r.ok() for r in results):
        sys.exit("replay_torch: " + [line for line in text.splitlines() if "bundles agree" in line][0])


if __name__ == "__main__":
    main()
