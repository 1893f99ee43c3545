"""Reads and writes safetensors files; the same input gives the same bytes."""

import json
import struct

import numpy as np
import torch

DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4"}


def save(path, tensors, metadata):
    header = {"__metadata__": dict(sorted(metadata.items()))}
    names = {np.dtype(v): k for k, v in DTYPES.items()}
    arrays = {k: np.ascontiguousarray(torch.as_tensor(v).numpy()) for k, v in tensors.items()}
    order = sorted(arrays, key=lambda k: -arrays[k].itemsize)  # stable: wide types first
    at = 0
    for k in order:
        a = arrays[k]
        shape = list(torch.as_tensor(tensors[k]).shape)
        header[k] = {"dtype": names[a.dtype], "shape": shape, "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for k in order:
            f.write(arrays[k].tobytes())


def load(path):
    """Returns (dict of tensors, metadata)."""
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(n)), f.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for k, v in header.items():
        begin, end = v["data_offsets"]
        array = np.frombuffer(data[begin:end], DTYPES[v["dtype"]]).reshape(v["shape"])
        tensors[k] = torch.from_numpy(array.copy())
    return tensors, metadata
