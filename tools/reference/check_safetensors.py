#!/usr/bin/env python3
"""Opens a safetensors file with its own library and tells what is in it, or writes one of every type we read.

  check_safetensors.py list FILE    one line a tensor, sorted: name dtype shape sum(float64); then one a metadata key
  check_safetensors.py write FILE   tensors named by their dtype: 0, 1, -2, 0.5 (as the type has them) in shape [2, 2]

Needs: pip install safetensors numpy. What it does not do: judge; the Swift tests compare.
"""
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def list_file(path):
    with safe_open(path, framework="numpy") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            shape = "x".join(str(size) for size in tensor.shape)
            print(f"{name} {tensor.dtype} {shape} {tensor.astype(np.float64).sum():.6f}")
        for key, value in sorted((file.metadata() or {}).items()):
            print(f"{key}={value}")


def write_file(path):
    values = np.array([[0, 1], [-2, 0.5]])
    types = ["float64", "float32", "float16", "int64", "int32", "int16", "int8"]
    save_file({name: values.astype(name) for name in types}, path, metadata={"note": 'a "quoted"\nline, \u00e9'})


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("list", "write"):
        sys.exit(__doc__)
    {"list": list_file, "write": write_file}[sys.argv[1]](sys.argv[2])
