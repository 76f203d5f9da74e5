#!/usr/bin/env python3
"""Outputs of TensorFlow Lite's reference kernels for int8 files: what `TFLiteFileTests` compares to the byte.

usage: tflite_outputs.py FOLDER_OF_MODELS OUTPUT.json      (needs ai-edge-litert)

The input of seed s is the self-test's: state = state * 1664525 + 1013904223, the top byte of each. Where the input is int8 the
bytes are taken as they are, where it is uint8 plus 128. Outputs of uint8 are given less 128.
"""
import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def pixels(seed, count):
    state, result = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        result.append(state >> 24)
    return np.array(result, np.uint8)


outputs = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.tflite")):
    try:
        interpreter = Interpreter(
            str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
    except Exception as error:
        print(path.name, "is refused:", str(error).splitlines()[0])
        continue
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if given["dtype"] not in (np.int8, np.uint8):
        continue
    for seed in (1, 2, 3):
        values = pixels(seed, int(np.prod(given["shape"])))
        if given["dtype"] == np.int8:
            values = values.view(np.int8)
        else:
            values = values ^ 0x80
        interpreter.set_tensor(given["index"], values.reshape(given["shape"]))
        interpreter.invoke()
        result = interpreter.get_tensor(made["index"]).reshape(-1).astype(int)
        if made["dtype"] == np.uint8:
            result -= 128
        outputs.setdefault(path.stem, []).append(result.tolist())
    print(path.name, given["dtype"].__name__, given["shape"], made["dtype"].__name__, made["shape"])
json.dump(outputs, open(sys.argv[2], "w"), separators=(",", ":"))
