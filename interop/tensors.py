"""Reads and writes safetensors files; the same input gives the same bytes."""

import json
import struct

import numpy as np
import torch

DTYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1"}


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


class File:
    """A safetensors file whose tensors are read one at a time."""

    def __init__(self, path):
        self.bytes = np.memmap(path, dtype=np.uint8, mode="r")
        (n,) = struct.unpack("<Q", self.bytes[:8].tobytes())
        self.header, self.begin = json.loads(self.bytes[8 : 8 + n].tobytes()), 8 + n
        self.header.pop("__metadata__", None)

    def __contains__(self, name):
        return name in self.header

    def names(self, prefix=""):
        return [name for name in self.header if name.startswith(prefix)]

    def dtype(self, name):
        return self.header[name]["dtype"]

    def __getitem__(self, name):
        """BF16 comes as float32, which is exact."""
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        data = self.bytes[self.begin + begin : self.begin + end].tobytes()
        if entry["dtype"] == "BF16":
            array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(data, DTYPES[entry["dtype"]])
        return torch.from_numpy(array.reshape(entry["shape"]).copy())
