"""ONNX networks and their outputs by ONNX Runtime, for the tests of SwiftletImporters.

Needs numpy, onnx, onnxruntime; `networks` needs torch, `zoo` torchvision too:

    python3 tools/reference/onnx_outputs.py random Tests/SwiftletImportersTests/Fixtures/onnx
    python3 tools/reference/onnx_outputs.py networks FOLDER ../shared/models
    python3 tools/reference/onnx_outputs.py zoo FOLDER

`random` makes small networks of all operators that are read, from seeds; these are kept in the repository. `networks`
exports the networks of imported_outputs.py with PyTorch's exporters, `zoo` torchvision's with random weights (those that
the variable NETWORKS names, by commas). Each writes
the models and outputs.json: by file, up to 32 outputs for a made-up picture. A last softmax is in the models, not in the
outputs: Swiftlet leaves it out.

What it does not do: share any code with the importer.
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def picture(shape):
    """Values from -2 to 2 that both sides can make: batch, channels, rows, columns; counted rows, columns, channels."""
    _, channels, rows, columns = shape
    index = np.arange(channels * rows * columns, dtype=np.int64)
    pixels = (index * 7919 + index // 97 * 31 + index * index % 251) % 256
    return ((pixels - 127.5) / 64).astype(np.float32).reshape(1, rows, columns, channels).transpose(0, 3, 1, 2)


def reference(model, input):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: input})[0].ravel()


class Maker:
    """A network of random operators. Shapes come from ONNX's own inference of what is there so far."""

    def __init__(self, seed):
        self.seed = seed
        self.random = np.random.default_rng(seed)
        self.opset = [9, 11, 13, 18, 21, 23][seed % 6]
        self.nodes, self.constants = [], []
        self.isChannelsLast = seed % 7 == 3
        self.count = 0
        rows, columns = (int(self.random.integers(9, 14)) for _ in range(2))
        self.input = [1, rows, columns, 3] if self.isChannelsLast else [1, 3, rows, columns]
        self.shape = [1, 3, rows, columns]
        self.value = "image"

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def name(self, kind):
        self.count += 1
        return f"{kind}_{self.count}"

    def constant(self, values, kind="weight"):
        """As an initializer or as a node."""
        array = np.asarray(values)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = self.name(kind)
        tensor = numpy_helper.from_array(array, name)
        if self.random.integers(4) == 0:
            self.nodes.append(helper.make_node("Constant", [], [name], name=name + "_node", value=tensor))
        else:
            self.constants.append(tensor)
        return name

    def normal(self, *shape, scale=1.0):
        return self.constant(self.random.normal(0, scale, shape))

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [self.name(kind.lower()) for _ in range(outputs)]
        label = self.name("node") if self.random.integers(5) else ""
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=label, **attributes))
        return names[0] if outputs == 1 else names

    def graph(self, output, shape=None):
        elements = TensorProto.FLOAT
        size = ["batch"] + self.input[1:] if self.random.integers(2) else self.input
        graph = helper.make_graph(
            self.nodes, "random", [helper.make_tensor_value_info("image", elements, size)],
            [helper.make_tensor_value_info(output, elements, shape)], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def measured(self, value):
        """The shape that ONNX Runtime gives `value`."""
        model = self.graph(value)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return list(session.run(None, {"image": np.zeros(self.input, np.float32)})[0].shape)

    def then(self, value):
        self.value, self.shape = value, self.measured(value)

    # Layers

    def conv(self, keep=False, value=None):
        channels = self.shape[1]
        groups = self.pick(1, 1, channels, 2 if channels % 2 == 0 else 1)
        outputs = channels if keep else groups * int(self.random.integers(1, max(2, 9 // groups)))
        kernel = [1, 1] if self.random.integers(4) == 0 else [int(k) for k in self.random.integers(1, 4, 2)]
        dilations = [self.pick(1, 1, 2), self.pick(1, 1, 2)]
        attributes = {"kernel_shape": kernel} if self.random.integers(2) else {}
        if keep:
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER")
            dilations = [1, 1]
        else:
            attributes["strides"] = [self.pick(1, 1, 2), self.pick(1, 1, 2)]
            if self.random.integers(4) == 0:
                attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
                dilations = [1, 1]
            else:
                attributes["pads"] = [int(p) for p in self.random.integers(0, 3, 4)]
        if dilations != [1, 1]:
            attributes["dilations"] = dilations
        if groups > 1:
            attributes["group"] = groups
        inputs = [value or self.value, self.normal(outputs, channels // groups, *kernel, scale=0.5)]
        if self.random.integers(2):
            inputs.append(self.normal(outputs))
        return self.node("Conv", *inputs, **attributes)

    def norm(self):
        c = self.shape[1]
        variance = self.constant(self.random.uniform(0.5, 2, c))
        return self.node(
            "BatchNormalization", self.value, self.normal(c), self.normal(c), self.normal(c), variance, epsilon=1e-3)

    def activation(self):
        if 30 <= self.seed < 42:
            return self.bound()
        if 24 <= self.seed < 42:
            return self.lateActivation()
        kind = self.random.integers(7)
        if kind == 0:
            return self.node("LeakyRelu", self.value, alpha=0.1)
        if kind == 1:
            return self.node("Mul", self.value, self.node("Sigmoid", self.value))
        if kind == 2:
            return self.node(self.pick("Sigmoid", "Tanh"), self.value)
        if kind == 3:
            low, high = self.pick((0.0, 6.0), (-1.0, 1.0), (0.0, 1.5))
            if self.opset < 11:
                return self.node("Clip", self.value, min=low, max=high)
            bounds = [self.constant(np.float32(low)), self.constant(np.float32(high))]
            return self.node("Clip", self.value, *bounds)
        if kind == 4 and self.opset >= 11:
            return self.node("Clip", self.value, self.constant(np.float32(0)))
        return self.node("Relu", self.value)

    def lateActivation(self):
        """Those that networks from seed 24 on have instead."""
        kind = self.random.integers(5)
        if kind == 0:
            return self.node("Elu", self.value, alpha=self.pick(1.0, 0.5))
        if kind == 1:
            return self.node("HardSigmoid", self.value, alpha=0.25, beta=0.4)
        if kind == 2:
            slopes = self.random.uniform(-0.5, 0.5, self.pick((self.shape[1], 1, 1), (1, 1, 1)))
            return self.node("PRelu", self.value, self.constant(slopes))
        if kind == 3 and self.opset >= 14:
            return self.node("HardSwish", self.value)
        if kind == 3:
            return self.node("Mul", self.node("HardSigmoid", self.value, alpha=1 / 6, beta=0.5), self.value)
        other = self.conv(keep=True)
        return self.node("Sub", self.value, other) if self.random.integers(2) else self.node("Sum", other, self.value, other)

    def bound(self):
        """What networks from seed 30 on have as activations: one bound, which may be a root that is folded."""
        number = self.constant(np.float32(self.random.uniform(0.2, 2)))
        kind = self.random.integers(4)
        if kind == 0 and self.opset >= 11:
            return self.node("Clip", self.value, "", number)
        if kind == 1:
            return self.node("Div", self.value, self.node("Sqrt", number))
        return self.node("Max" if kind == 2 else "Min", *self.pick((self.value, number), (number, self.value)))

    def pool(self):
        average = self.random.integers(2)
        attributes = {"count_include_pad": int(self.random.integers(2))} if average else {}
        ceil = int(self.random.integers(2)) if self.opset > 9 else 0
        pads = [int(p) for p in self.random.integers(0, 2, 4)]
        if ceil and not (average and attributes["count_include_pad"]):
            attributes["ceil_mode"] = ceil
            pads[2:] = [0, 0]  # ONNX and its runtime disagree on windows that begin in the padding.
        return self.node(
            "AveragePool" if average else "MaxPool", self.value, kernel_shape=[self.pick(2, 3), 3],
            strides=[self.pick(1, 2), 2], pads=pads, **attributes)

    def add(self):
        return self.node("Add", self.value, self.conv(keep=True))

    def affine(self):
        c = self.shape[1]
        constant = self.constant(self.random.uniform(0.5, 2, self.pick((1, c, 1, 1), (c, 1, 1), (), (1,))))
        inputs = [self.value, constant]
        if self.random.integers(8) == 0:
            return self.node("Neg", self.value)
        kind = self.pick("Add", "Mul", "Sub", "Div")
        if kind != "Div" and self.random.integers(2):
            inputs.reverse()
        return self.node(kind, *inputs)

    def concat(self):
        return self.node("Concat", self.value, self.conv(keep=True), self.value, axis=self.pick(1, -3))

    def halves(self):
        c = self.shape[1]
        if c < 2:
            return self.node("Identity", self.value)
        if self.random.integers(2):
            def part(first, last):
                if self.opset < 10:
                    return self.node("Slice", self.value, starts=[first], ends=[last], axes=[1])
                bounds = [self.constant(np.array([n], np.int64)) for n in (first, last, 1)]
                return self.node("Slice", self.value, *bounds)
            parts = [part(0, c // 2), part(c // 2, np.iinfo(np.int64).max)]
        elif self.opset < 13:
            parts = self.node("Split", self.value, outputs=2, axis=1, split=[c // 2, c - c // 2])
        else:
            counts = self.constant(np.array([c // 2, c - c // 2], np.int64))
            parts = self.node("Split", self.value, counts, outputs=2, axis=1)
        return self.node("Concat", parts[1], parts[0], axis=1)

    def shuffle(self):
        _, c, h, w = self.shape
        groups = next((g for g in (3, 2) if c % g == 0), 1)
        shape = self.constant(np.array([self.pick(-1, 1), groups, c // groups, h, w], np.int64))
        value = self.node("Transpose", self.node("Reshape", self.value, shape), perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", value, self.constant(np.array([0, -1, h, w], np.int64)))

    def pad(self):
        pads = [0, 0, *self.random.integers(0, 3, 2), 0, self.pick(0, 0, 2), *self.random.integers(0, 3, 2)]
        if self.opset < 11:
            return self.node("Pad", self.value, pads=[int(p) for p in pads])
        return self.node("Pad", self.value, self.constant(np.array(pads, np.int64)), mode="constant")

    def stride(self):
        if self.opset < 10:
            return self.node("Slice", self.value, starts=[1, 0], ends=[-1, 100], axes=[2, 3])
        starts, ends, axes, steps = ([self.pick(0, 1), 0], [self.pick(100, -1), 100], [2, 3], [2, self.pick(1, 2)])
        return self.node("Slice", self.value, *(self.constant(np.array(n, np.int64)) for n in (starts, ends, axes, steps)))

    def roundabout(self):
        there = self.node("Transpose", self.value, perm=[0, 2, 3, 1])
        there = self.node("Relu", there)
        return self.node("Transpose", there, perm=[0, 3, 1, 2])

    # What networks from seed 42 on have besides

    def gate(self):
        """Squeeze and excitation, a gate of one channel, or a product or the greater of two maps."""
        kind = self.random.integers(5)
        if kind > 2:
            operator = self.pick("Mul", "Max", "Min", "Div", "Add")
            if operator == "Div":
                # ONNX Runtime's sigmoid is some 1e-7 off, which is a lot where it is small.
                divisor = self.node("Add", self.node("Sigmoid", self.conv(keep=True)), self.constant(np.float32(0.5)))
                return self.node("Div", self.value, divisor)
            if operator == "Add":
                return self.node("Add", self.node("GlobalAveragePool", self.value), self.value)
            return self.node(operator, self.value, self.conv(keep=True))
        c = self.shape[1]
        gate = self.value if kind == 2 else self.node("GlobalAveragePool", self.value)
        if kind == 1 and self.opset >= 13:
            gate = self.node("Squeeze", gate, self.constant(np.array([2, 3], np.int64)))
            gate = self.node("Gemm", gate, self.normal(c, 4), self.normal(4))
            gate = self.node("MatMul", self.node("Relu", gate), self.normal(4, c))
            gate = self.node("Unsqueeze", gate, self.constant(np.array([2, 3], np.int64)))
        else:
            gate = self.node("Conv", gate, self.normal(1 if kind == 2 else c, c, 1, 1))
        gate = self.node("HardSigmoid", gate, alpha=1 / 6) if self.random.integers(2) else self.node("Sigmoid", gate)
        return self.node("Mul", *self.pick((self.value, gate), (gate, self.value)))

    def latePad(self):
        mode = self.pick("constant", "reflect", "edge", *(["wrap"] if self.opset >= 19 else []))
        pads = [0, 0, *self.random.integers(0, 3, 2), 0, 0, *self.random.integers(0, 3, 2)]
        if mode == "constant" and self.random.integers(2):
            pads[2:4] = [-1, 1]
        pads, value = [int(p) for p in pads], float(np.float32(self.random.uniform(-2, 2)))
        if self.opset < 11:
            return self.node("Pad", self.value, pads=pads, mode=mode, **({"value": value} if mode == "constant" else {}))
        fill = [self.constant(np.float32(value))] if mode == "constant" else []
        return self.node("Pad", self.value, self.constant(np.array(pads, np.int64)), *fill, mode=mode)

    def resize(self):
        _, c, h, w = self.shape
        scales = np.array([1, 1, self.pick(0.75, 1.5, 2), self.pick(1, 2, 0.5)], np.float32)
        mode = self.pick("nearest", "linear")
        if self.opset < 10:
            return self.node("Upsample", self.value, self.constant(np.maximum(np.ceil(scales), 1)), mode=mode)
        coordinates = self.pick("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
        options = {"mode": mode, "coordinate_transformation_mode": coordinates}
        if mode == "nearest":
            options["nearest_mode"] = self.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
        left = "" if self.opset >= 13 else self.constant(np.zeros(0, np.float32))
        if self.random.integers(2):
            return self.node("Resize", self.value, left, self.constant(scales), **options)
        sizes = self.constant(np.array([1, c, int(h * 1.6), max(1, w - 2)], np.int64))
        return self.node("Resize", self.value, left, left, sizes, **options)

    def response(self):
        return self.node(
            "LRN", self.value, size=self.pick(3, 5), alpha=self.pick(1e-4, 0.5), beta=0.75, bias=self.pick(1.0, 2.0))

    def join(self):
        axis = self.pick(2, 3, -1)
        if max(self.shape[2:]) > 16:
            return self.node("Identity", self.value)
        return self.node("Concat", self.value, self.conv(keep=True), self.value, axis=axis)

    def parts(self):
        """Rows or columns apart, and together the other way round."""
        axis = self.pick(2, 3)
        size = self.shape[axis]
        counts = [size // 3, size - size // 3]
        if self.opset < 13:
            parts = self.node("Split", self.value, outputs=2, axis=axis, split=counts)
        else:
            parts = self.node("Split", self.value, self.constant(np.array(counts, np.int64)), outputs=2, axis=axis)
        return self.node("Concat", parts[1], parts[0], axis=axis)

    def power(self):
        positive = self.node("Sigmoid", self.value)
        kind = self.random.integers(4)
        if kind == 0:
            return self.node("Sqrt", positive)
        if kind == 1:
            return self.node("Reciprocal", self.node("Add", positive, self.constant(np.float32(0.5))))
        if kind == 2:
            return self.node("Div", self.constant(np.float32(1.5)), self.node("Add", positive, self.constant(np.float32(1))))
        return self.node("Pow", self.node("Tanh", self.value), self.constant(np.float32(2)))

    def flip(self):
        if self.opset < 10:
            return self.node("Identity", self.value)
        numbers = ([-1, 0], [-100, 100], [2, 3], [-1, 2])
        return self.node("Slice", self.value, *(self.constant(np.array(n, np.int64)) for n in numbers))

    def expand(self):
        mean = self.node("GlobalAveragePool", self.value)
        wide = self.node("Expand", mean, self.constant(np.array([1, self.shape[1], *self.shape[2:]], np.int64)))
        return self.node("Concat", wide, self.value, axis=1)

    def reduced(self):
        """The mean of each column, and the map below it."""
        options, inputs = ({"axes": [2]}, []) if self.opset < 18 else ({}, [self.constant(np.array([2], np.int64))])
        return self.node("Concat", self.node("ReduceMean", self.value, *inputs, keepdims=1, **options), self.value, axis=2)

    def nothing(self):
        return self.node(self.pick("Identity", "Dropout"), self.value)

    def flattened(self):
        c = self.shape[1]
        if self.seed >= 30:
            kind, isInput = self.pick(("ReduceMax", self.opset >= 18), ("ReduceSum", self.opset >= 13))
            axes = [self.constant(np.array([2, 3], np.int64))] if isInput else []
            return self.node(kind, self.value, *axes, keepdims=0, **({} if isInput else {"axes": [2, 3]}))
        kind = self.random.integers(6)
        if kind == 0:
            return self.node("Flatten", self.node("GlobalAveragePool", self.value))
        if kind == 1:
            axes = {"axes": [2, 3]} if self.opset < 18 else {}
            inputs = [] if axes else [self.constant(np.array([-1, -2], np.int64))]
            return self.node("ReduceMean", self.value, *inputs, keepdims=0, **axes)
        if kind == 2:
            zero = self.constant(np.array(0, np.int64))
            batch = self.node("Gather", self.node("Shape", self.value), zero, axis=0)
            if self.opset < 13:
                batch = self.node("Unsqueeze", batch, axes=[0])
            else:
                batch = self.node("Unsqueeze", batch, self.constant(np.array([0], np.int64)))
            shape = self.node("Concat", batch, self.constant(np.array([-1], np.int64)), axis=0)
            return self.node("Reshape", self.value, shape)
        if kind == 3:
            value = self.node("GlobalMaxPool", self.value)
            if self.opset < 13:
                return self.node("Squeeze", value, axes=[2, 3])
            return self.node("Squeeze", value, self.constant(np.array([2, 3], np.int64)))
        if kind == 4:
            value = self.node("Transpose", self.value, perm=[0, 2, 3, 1])
            return self.node("Reshape", value, self.constant(np.array([1, -1], np.int64)))
        return self.node("Relu", self.node("Flatten", self.value, axis=1))

    def make(self, layers=7, classes=3):
        if self.isChannelsLast:
            self.then(self.node("Transpose", self.value, perm=[0, 3, 1, 2]))
        kinds = [self.conv, self.conv, self.norm, self.activation, self.activation, self.pool, self.add, self.affine,
                 self.concat, self.halves, self.shuffle, self.pad, self.stride, self.roundabout, self.nothing]
        if self.seed >= 42:
            kinds = [self.conv, self.activation, self.gate, self.gate, self.latePad, self.resize, self.response, self.join,
                     self.parts, self.power, self.flip, self.expand, self.reduced]
        self.then(self.conv())
        for _ in range(layers):
            small = min(self.shape[2:]) < 4
            kind = kinds[self.random.integers(len(kinds))]
            while (small and kind in (self.conv, self.pool, self.stride, self.parts, self.resize, self.latePad)
                   or self.shape[1] > 16 and kind in (self.concat, self.expand)):
                kind = kinds[self.random.integers(len(kinds))]
            self.then(kind())
        self.then(self.flattened())
        inputs = self.shape[1]
        if self.random.integers(2):
            transposed = int(self.random.integers(2))
            matrix = self.normal(*((classes, inputs) if transposed else (inputs, classes)), scale=inputs**-0.5)
            scores = self.node("Gemm", self.value, matrix, self.normal(classes), transB=transposed, alpha=0.5, beta=2.0)
        else:
            product = self.node("MatMul", self.value, self.normal(inputs, classes, scale=inputs**-0.5))
            scores = self.node("Add", product, self.normal(classes))
        input = picture([1, 3, *(self.input[1:3] if self.isChannelsLast else self.input[2:])])
        if self.isChannelsLast:
            input = input.transpose(0, 2, 3, 1)
        expected = reference(self.graph(scores).SerializeToString(), np.ascontiguousarray(input))
        output = self.node("Softmax", scores, axis=1) if self.random.integers(2) else scores
        model = self.graph(output, [1, classes])
        onnx.checker.check_model(model)
        return model, expected


def write_random(folder):
    outputs = {}
    for seed in range(84):
        model, expected = Maker(seed).make()
        file = f"random{seed}.onnx"
        onnx.save(model, f"{folder}/{file}")
        assert np.isfinite(expected).all(), seed
        outputs[file] = expected.tolist()
    return outputs


def export(network, shape, path, **options):
    import torch

    torch.onnx.export(
        network.eval(), (torch.zeros(shape),), path, input_names=["image"], output_names=["scores"], **options)
    return reference(path, picture(shape))[:32].tolist()


def squeezenet(t, x):
    from torch.nn import functional as F

    def conv(value, name, **options):
        return F.relu(F.conv2d(value, t[name + ".weight"], t[name + ".bias"], **options))

    x = F.max_pool2d(conv(x, "features.0", stride=2), 3, 2, ceil_mode=True)
    for k in (3, 4, 6, 7, 9, 10, 11, 12):
        if k in (6, 9):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = conv(x, f"features.{k}.squeeze")
        wide = conv(x, f"features.{k}.expand3x3", padding=1)
        x = torch_cat([conv(x, f"features.{k}.expand1x1"), wide])
    return conv(x, "classifier.1").mean((2, 3))


def torch_cat(maps):
    import torch

    return torch.cat(maps, 1)


def write_networks(folder, models):
    """Networks of real weights, by both of PyTorch's exporters: the older one keeps everything in one file."""
    import torch

    import imported_outputs as origin

    class Network(torch.nn.Module):
        def __init__(self, file, forward):
            super().__init__()
            self.tensors, self.run = {n: t.float() for n, t in origin.load(f"{models}/{file}.safetensors").items()}, forward

        def forward(self, x):
            return self.run(self.tensors, x)

    outputs = {}
    for file, forward, side in [
        ("resnet20_cifar10", origin.resnet_cifar, 32),
        ("resnet56_cifar10", origin.resnet_cifar, 32),
        ("mobilenet_v1_0.25_224_imagenet", origin.mobilenet_v1, 224),
        ("mobilenet_v2_0.35_224_teachable", origin.teachable, 224),
        ("mobilenet_v2_1.0_224_imagenet_folded", origin.mobilenet_v2_folded, 224),
        ("squeezenet1_1_imagenet", squeezenet, 224),
    ]:
        for kind, options in [("traced", {"dynamo": False, "opset_version": 13}), ("exported", {"dynamo": True})]:
            name = f"{file}.{kind}.onnx"
            outputs[name] = export(Network(file, forward), (1, 3, side, side), f"{folder}/{name}", **options)
    return outputs


def write_zoo(folder):
    import torch
    import torchvision

    outputs = {}
    names = os.environ.get("NETWORKS", "shufflenet_v2_x0_5,mnasnet0_5,googlenet,regnet_x_400mf,alexnet")
    for name in names.split(","):
        torch.manual_seed(1)
        options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        network = torchvision.models.get_model(name, **options)
        if name in ("googlenet", "inception_v3"):
            network.aux_logits = False
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
        side = 299 if name == "inception_v3" else 224
        for kind, exporter in [("traced", {"dynamo": False, "opset_version": 13}), ("exported", {"dynamo": True})]:
            file = f"{name}.{kind}.onnx"
            try:
                outputs[file] = export(network, (1, 3, side, side), f"{folder}/{file}", **exporter)
            except Exception as error:  # An exporter that cannot is no test of the importer; say so and go on.
                print(f"{file}: {type(error).__name__}: {error}", file=sys.stderr)
    return outputs


def main(kind, folder, *arguments):
    os.makedirs(folder, exist_ok=True)
    outputs = {"random": write_random, "networks": write_networks, "zoo": write_zoo}[kind](folder, *arguments)
    with open(f"{folder}/outputs.json", "w") as file:
        json.dump(outputs, file, indent=1, sort_keys=True)
        file.write("\n")


main(*sys.argv[1:])
