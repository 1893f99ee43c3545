"""Reads exported event files with TensorBoard's own reader.

    ranklab export RUN|EXPERIMENT --to tensorboard -o FOLDER
    ranklab export RUN|EXPERIMENT --to csv -o TABLES
    python3 tensorboard_check.py FOLDER TABLES

Every scalar that EventAccumulator finds must be the value of metrics.csv, or the
mean over layers of subspace.csv, as float32, at its update; every such value must
be found; the settings
must be there as text; and the text plug-in must recognise them. Prints a line
per run and exits with 1 if one disagrees.
"""

import csv
import math
import pathlib
import struct
import sys

import tensorboard
from tensorboard.backend.event_processing import event_accumulator, plugin_event_multiplexer


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def same(a, b):
    return a == b or math.isnan(a) and math.isnan(b)


def recorded(tables):
    """The values of metrics.csv: {short id: {(tag, step): value}}."""
    runs = {}
    with open(tables / "metrics.csv", newline="") as f:
        for row in csv.DictReader(f):
            value = float(row["value"]) if row["value"] else math.nan
            runs.setdefault(row["run_id"], {})[row["split"] + "/" + row["name"], int(row["step"])] = float32(value)
    for (run, tag, step), values in subspaces(tables).items():
        runs[run]["subspace/" + tag, step] = float32(sum(values) / len(values))
    return runs


def subspaces(tables):
    """The values of subspace.csv over the layers: {(short id, tag, step): [value]}."""
    place = ["run_id", "label", "seed", "step", "after", "layer", "module", "side", "rank", "dim", "kept"]
    means = {}
    with open(tables / "subspace.csv", newline="") as f:
        for row in csv.DictReader(f):
            after = int(row["after"])
            values = {"captured_after_%d" % after: row["captured"]} if after else {k: v for k, v in row.items() if k not in place}
            if not after:
                values["chance"] = int(row["rank"]) / int(row["dim"])
            for name, value in values.items():
                if value != "":
                    means.setdefault((row["run_id"], row["module"] + "/" + name, int(row["step"])), []).append(float(value))
    return means


def check(folder, want):
    reader = event_accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    tags = reader.Tags()
    found, wrong = 0, []
    for tag in tags["scalars"]:
        if tag in ("train/tokens_seen", "memory/rss_bytes"):
            continue
        for e in reader.Scalars(tag):
            found += 1
            if not same(e.value, want.get((tag, e.step), math.inf)):
                wrong.append(f"{tag} at {e.step}: {e.value}, recorded {want.get((tag, e.step))}")
    if found != len(want):
        wrong.append(f"{found} values of {len(want)}")
    if "settings" not in tags["tensors"]:
        wrong.append("no settings")
        return found, len(tags["scalars"]), wrong
    text = reader.Tensors("settings")[0].tensor_proto.string_val[0].decode()
    if not text.startswith("| setting | value |") or "| lr |" not in text:
        wrong.append(f"settings: {text[:100]}")
    if reader.SummaryMetadata("settings").plugin_data.plugin_name != "text":
        wrong.append("settings are no text to the plug-in")
    return found, len(tags["scalars"]), wrong


def main():
    folder, tables = map(pathlib.Path, sys.argv[1:3])
    runs = recorded(tables)
    # The reader of the web server: it lists the runs by their folders.
    server = plugin_event_multiplexer.EventMultiplexer()
    server.AddRunsFromDirectory(str(folder))
    server.Reload()
    listed = set(server.Runs())
    bad = len(listed) != len(runs)
    print(f"TensorBoard {tensorboard.__version__}: {len(listed)} runs of {len(runs)}")
    for name in sorted(listed):
        found, tags, wrong = check(folder / name, runs[name[-12:]])
        print(f"{'WRONG' if wrong else 'ok'}  {name}: {found} values under {tags} tags" + "".join("\n    " + w for w in wrong[:5]))
        bad = bad or bool(wrong)
    sys.exit(bad)


main()
