"""Outputs of other programs' networks, for the tests of SwiftletImporters.

Runs each network where it comes from (its own arithmetic in PyTorch, or its .tflite in LiteRT) on one input that both
sides can make, and writes the first 32 outputs as JSON. Needs numpy, torch, ai-edge-litert:

    python3 tools/reference/imported_outputs.py ../shared/models Tests/SwiftletImportersTests/Fixtures/outputs.json

What it does not do: read the files with Swiftlet's code, or share any of its layer tables.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

IMAGENET = (np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255)


def pixels(side):
    """The bytes of a made-up picture, NHWC."""
    index = np.arange(side * side * 3, dtype=np.int64)
    return ((index * 7919 + index // 97 * 31 + index * index % 251) % 256).reshape(1, side, side, 3)


def load(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).copy())
        .reshape(entry["shape"]).double()
        for name, entry in header.items()
    }


def norm(t, x, name, epsilon):
    return F.batch_norm(
        x, t[name + ".running_mean"], t[name + ".running_var"], t[name + ".weight"], t[name + ".bias"], eps=epsilon)


def same(x, kernel, stride):
    """TensorFlow's SAME padding."""
    sides = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides += [total // 2, total - total // 2]
    return F.pad(x, sides)


def keras_conv(t, x, name, bn, stride=1, relu=F.relu6):
    w = t[name + ".weight"]
    groups = x.shape[1] // w.shape[1]
    x = F.conv2d(same(x, w.shape[2], stride), w, t.get(name + ".bias"), stride, groups=groups)
    return relu(norm(t, x, bn, 1e-3))


def resnet_cifar(t, x):
    x = F.relu(norm(t, F.conv2d(x, t["conv1.weight"], padding=1), "bn1", 1e-5))
    for stage in (1, 2, 3):
        unit = 0
        while f"layer{stage}.{unit}.conv1.weight" in t:
            name, stride = f"layer{stage}.{unit}.", 2 if stage > 1 and unit == 0 else 1
            y = F.relu(norm(t, F.conv2d(x, t[name + "conv1.weight"], None, stride, 1), name + "bn1", 1e-5))
            y = norm(t, F.conv2d(y, t[name + "conv2.weight"], padding=1), name + "bn2", 1e-5)
            if stride == 2:
                extra = (y.shape[1] - x.shape[1]) // 2
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra, extra))
            x, unit = F.relu(x + y), unit + 1
    return F.linear(x.mean((2, 3)), t["linear.weight"], t["linear.bias"])


def mobilenet_v1(t, x):
    x = keras_conv(t, x, "conv1", "conv1_bn", 2)
    for k in range(1, 14):
        x = keras_conv(t, x, f"conv_dw_{k}", f"conv_dw_{k}_bn", 2 if k in (2, 4, 6, 12) else 1)
        x = keras_conv(t, x, f"conv_pw_{k}", f"conv_pw_{k}_bn")
    return F.conv2d(x.mean((2, 3), True), t["conv_preds.weight"], t["conv_preds.bias"]).flatten(1)


def teachable(t, x):
    def identity(value):
        return value

    x = keras_conv(t, x, "Conv1", "bn_Conv1", 2)
    for k in range(17):
        name = "expanded_conv" if k == 0 else f"block_{k}"
        y = x
        if k > 0:
            y = keras_conv(t, y, name + "_expand", name + "_expand_BN")
        y = keras_conv(t, y, name + "_depthwise", name + "_depthwise_BN", 2 if k in (1, 3, 6, 13) else 1)
        y = keras_conv(t, y, name + "_project", name + "_project_BN", relu=identity)
        x = x + y if x.shape == y.shape else y
    x = keras_conv(t, x, "Conv_1", "Conv_1_bn").mean((2, 3))
    x = F.relu(F.linear(x, t["dense_Dense1.weight"], t["dense_Dense1.bias"]))
    return F.linear(x, t["dense_Dense2.weight"], t.get("dense_Dense2.bias"))


def mobilenet_v2_folded(t, x):
    def conv(value, name, stride=1, groups=1):
        w = t[name + ".weight"]
        return F.conv2d(value, w, t[name + ".bias"], stride, w.shape[2] // 2, groups=groups)

    x = F.relu6(conv(x, "features.0.0", 2))
    for k in range(1, 18):
        name, y, layer = f"features.{k}.conv.", x, 0
        if k > 1:
            y, layer = F.relu6(conv(y, name + "0.0")), 1
        y = F.relu6(conv(y, f"{name}{layer}.0", 2 if k in (2, 4, 7, 14) else 1, y.shape[1]))
        y = conv(y, f"{name}{layer + 1}")
        x = x + y if x.shape == y.shape else y
    x = F.relu6(conv(x, "features.18.0")).mean((2, 3))
    return F.linear(x, t["classifier.1.weight"], t["classifier.1.bias"])


def tflite(path, picture):
    """The values before a last softmax, as far as softmax keeps them: their differences to the mean."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture.astype(np.float32))
    interpreter.invoke()
    logits = np.log(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].astype(np.float64))
    return logits - logits.mean()


def main(models, output):
    result = {}

    def torch_case(file, network, side, mean, deviation):
        x = torch.from_numpy((pixels(side) - mean) / deviation).permute(0, 3, 1, 2)
        result[file] = network(load(f"{models}/{file}.safetensors"), x)[0, :32].tolist()

    torch_case("resnet20_cifar10", resnet_cifar, 32, *IMAGENET)
    torch_case("resnet56_cifar10", resnet_cifar, 32, *IMAGENET)
    torch_case("mobilenet_v1_0.25_224_imagenet", mobilenet_v1, 224, 127.5, 127.5)
    torch_case("mobilenet_v2_0.35_224_teachable", teachable, 224, 127, 127)
    torch_case("mobilenet_v2_1.0_224_imagenet_folded", mobilenet_v2_folded, 224, *IMAGENET)
    result["resnet8_cifar10_mlperftiny"] = tflite(f"{models}/tflite/resnet8_cifar10_float.tflite", pixels(32)).tolist()
    result["mobilenet_v1_0.25_96_vww"] = tflite(f"{models}/tflite/vww_96_float.tflite", pixels(96) / 255).tolist()
    with open(output, "w") as file:
        json.dump(result, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
