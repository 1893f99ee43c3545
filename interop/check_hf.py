"""Checks exported folders against Hugging Face transformers.

    ranklab export RUN --to hf --with-eval -o FOLDER
    python3 check_hf.py FOLDER...

Of each folder: LlamaForCausalLM takes every tensor and misses none; the loss
that it computes itself on the validation tokens, in float32, is the loss in the
run's record (where factors were merged or rounded, of the exported weights); and
AutoTokenizer gives the ids of the run's tokenizer for texts of the validation
split and for strings that are hard to cut. Prints a line per folder and exits
with 1 if one disagrees.
"""

import argparse
import json
import pathlib
import sys

import torch
import transformers

import tensors

TOLERANCE = 1e-4  # nats
BATCH = 16  # sequences


def loss(folder, model):
    """Mean loss per target, from model(labels=...), which shifts labels by one."""
    data, _ = tensors.load(folder / "validation.safetensors")
    inputs, targets = data["inputs"].long(), data["targets"].long()
    total, count = 0.0, 0
    for lo in range(0, len(inputs), BATCH):
        x, y = inputs[lo : lo + BATCH], targets[lo : lo + BATCH]
        # One position more on either side: its input is not used, its label does not count.
        ids = torch.cat([x, y[:, -1:].clamp(min=0)], 1)
        labels = torch.cat([torch.full_like(y[:, :1], -100), y.masked_fill(y < 0, -100)], 1)
        n = int((y >= 0).sum())
        with torch.no_grad():
            total += float(model(input_ids=ids, labels=labels).loss) * n
        count += n
    return total / count, count


def tokenizer(folder):
    """What is right and what is wrong with the folder's tokenizer."""
    samples = json.loads((folder / "tokenizer-samples.json").read_text())
    sentencepiece = (folder / "spiece.model").exists()
    good, bad = [], []
    # A SentencePiece model is read by its own library. The fast class is a
    # rewriting of it by transformers, which is told apart and counted only.
    for fast in (False, True) if sentencepiece else (True,):
        t = transformers.AutoTokenizer.from_pretrained(folder, use_fast=fast)
        name = type(t).__name__
        ids = lambda text: t(text, add_special_tokens=False, verbose=False)["input_ids"]
        wrong = [s for s in samples if ids(s["text"]) != s["ids"]]
        if not wrong:
            good.append(f"{name} {len(samples)} texts, {sum(len(s['ids']) for s in samples):,} ids")
        elif sentencepiece and fast:
            good.append(f"{name} differs in {len(wrong)}")
        else:
            text, want = wrong[0]["text"], wrong[0]["ids"]
            bad.append(f"{name}: {len(wrong)} of {len(samples)} texts differ, as {text[:60]!r}: {ids(text)[:20]}, not {want[:20]}")
        if not sentencepiece and any(t.decode(s["ids"]) != s["text"] for s in samples):
            bad.append(f"{name} does not decode what it encodes")
        if t.eos_token_id is None or t.pad_token_id is None:
            bad.append(f"{name} has no end or padding token")
    return good, bad


def check(folder):
    about = json.loads((folder / "ranklab.json").read_text())
    model, info = transformers.LlamaForCausalLM.from_pretrained(folder, output_loading_info=True)
    model = model.float().eval()
    bad = [f"{k}: {info[k]}" for k in ("missing_keys", "unexpected_keys", "mismatched_keys") if info[k]]
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != about["parameters"]:
        bad.append(f"{parameters} parameters, not {about['parameters']}")
    theirs, count = loss(folder, model)
    want = about["validation"]
    if count != want["targets"]:
        bad.append(f"{count} targets, not {want['targets']}")
    line = f"{about['method']:8} {about['dtype']:8} {parameters:9,} parameters, {count:,} targets: loss {theirs:.6f}"
    for name in ("recorded_loss", "exported_loss"):
        if name not in want:
            continue
        off = theirs - want[name]
        line += f", {name.removesuffix('_loss')} {want[name]:.6f} ({off:+.1e})"
        rounded = about["dtype"] == "bfloat16" and (about["merged"] or about["train_dtype"] == "float32")
        if not abs(off) <= TOLERANCE and not (rounded and name == "recorded_loss"):
            bad.append(f"{name}: {off:+.1e}")
    if about.get("tokenizer"):
        good, wrong = tokenizer(folder)
        line, bad = "; ".join([line, *good]), bad + wrong
    print(("FAIL " if bad else "ok   ") + line)
    for b in bad:
        print("     " + b)
    return not bad


def draw(folder, out):
    """Writes a model like that of a folder, with large weights, in several files."""
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.AutoConfig.from_pretrained(folder)).float().eval()
    for name, p in model.named_parameters():
        p.data = 0.15 * torch.randn_like(p) + (p.dim() == 1)
    model.save_pretrained(out, max_shard_size="2MB", safe_serialization=True)
    print(f"{out}: loss {loss(folder, model)[0]:.6f} on the validation tokens of {folder}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--draw", type=pathlib.Path, metavar="OUT", help="instead: write a model like that of FOLDER, for init.from, and print its loss")
    args = parser.parse_args()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    if args.draw:
        return draw(args.folders[0], args.draw)
    sys.exit(0 if all([check(f) for f in args.folders]) else 1)


if __name__ == "__main__":
    main()
