#!/usr/bin/env python3
"""Float TensorFlow Lite networks and their outputs by its own kernels, for the tests of SwiftletImporters.

Needs numpy and tensorflow:

    python3 tools/reference/tflite_float_outputs.py random Tests/SwiftletImportersTests/Fixtures/tflite
    python3 tools/reference/tflite_float_outputs.py models ../shared/models/tflite OUTPUT.json

`random` makes small networks of all operators that are read, from seeds, a third with weights of half precision, a third
quantized by dynamic range (large weights are int8); these are kept in the repository with outputs.json. `models` runs the
float networks of a folder. By file: up to 32 outputs for a made-up picture. A last softmax is in the models, not in the
outputs: Swiftlet leaves it out.

What it does not do: share any code with the importer.
"""
import json
import os
import pathlib
import sys

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema


def picture(shape):
    """Values from -2 to 2 that both sides can make, counted rows, columns, channels."""
    index = np.arange(int(np.prod(shape)), dtype=np.int64)
    pixels = (index * 7919 + index // 97 * 31 + index * index % 251) % 256
    return ((pixels - 127.5) / 64).astype(np.float32).reshape(shape)


def widened(model):
    """The same network with its int8 weights as floats: with int8 weights the interpreter rounds maps as it runs."""
    network = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = network.subgraphs[0]
    for tensor in graph.tensors:
        data = network.buffers[tensor.buffer].data
        if tensor.type != schema.TensorType.INT8 or data is None:
            continue
        sizes = np.ones(len(tensor.shape), int)
        sizes[tensor.quantization.quantizedDimension] = -1
        scales = np.asarray(tensor.quantization.scale, np.float32).reshape(sizes)
        values = np.asarray(data, np.uint8).view(np.int8).reshape(tensor.shape).astype(np.float32) * scales
        network.buffers[tensor.buffer].data = values.ravel().view(np.uint8)
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    builder = flatbuffers.Builder(0)
    builder.Finish(network.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def scores(model):
    """What its kernels give before a last softmax; None for a network that is not of floats."""
    interpreter = tf.lite.Interpreter(
        model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    if given["dtype"] != np.float32:
        return None
    interpreter.set_tensor(given["index"], picture(given["shape"]))
    interpreter.invoke()
    last = interpreter._get_ops_details()[-1]
    tensor = last["inputs"][0] if last["op_name"].endswith("SOFTMAX") else interpreter.get_output_details()[0]["index"]
    return interpreter.get_tensor(tensor).ravel()[:32].tolist()


class Maker:
    """A network of random layers."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.shape = [1, *(int(side) for side in self.random.integers(9, 14, 2)), 3]

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def normal(self, *shape, scale=0.5):
        return tf.constant(self.random.normal(0, scale, shape).astype(np.float32))

    def channels(self, x):
        return int(x.shape[3])

    # Layers

    def conv(self, x, keep=False):
        c = self.channels(x)
        groups = self.pick(1, 1, 2 if c % 2 == 0 else 1)
        outputs = c if keep else groups * int(self.random.integers(1, 9 // groups))
        kernel = [int(k) for k in self.random.integers(1, 4, 2)]
        stride, dilation = (1, self.pick(1, 2)) if keep else self.pick((1, 1), (1, 2), (2, 1))
        pad = "SAME" if keep else self.pick("SAME", "VALID")
        x = tf.nn.conv2d(x, self.normal(*kernel, c // groups, outputs), stride, pad, dilations=dilation)
        return self.biased(x)

    def biased(self, x):
        x = tf.nn.bias_add(x, self.normal(self.channels(x))) if self.random.integers(3) else x
        act = self.random.integers(5)
        if act == 3:
            return tf.maximum(-1.0, tf.minimum(x, 1.0))
        return [tf.identity, tf.nn.relu, tf.nn.relu6, None, tf.nn.tanh][act](x)

    def depthwise(self, x):
        kernel = [int(k) for k in self.random.integers(1, 4, 2)]
        stride = self.pick(1, 2)
        weights = self.normal(*kernel, self.channels(x), 1 if self.channels(x) > 8 else self.pick(1, 2))
        return self.biased(tf.nn.depthwise_conv2d(x, weights, [1, stride, stride, 1], self.pick("SAME", "VALID")))

    def padded(self, x):
        """As PyTorch's networks are converted, and as Keras' ZeroPadding2D."""
        pads = [[0, 0], *([int(p) for p in self.random.integers(0, 3, 2)] for _ in range(2)), self.pick([0, 0], [0, 0], [1, 2])]
        x = tf.pad(x, pads)
        kind = self.random.integers(4)
        if kind == 0:
            return tf.nn.max_pool2d(tf.nn.relu(x), 3, 2, "VALID")
        if kind == 1:
            return tf.nn.avg_pool2d(x, 2, 1, "VALID")
        return tf.nn.conv2d(x, self.normal(3, 3, self.channels(x), 4), self.pick(1, 2), "VALID") if kind == 2 else x

    def activation(self, x):
        slopes = tf.constant(self.random.uniform(-0.5, 0.5, self.channels(x)).astype(np.float32))
        return self.pick(
            tf.nn.relu, tf.nn.relu6, tf.nn.sigmoid, tf.nn.tanh, tf.nn.swish, lambda v: tf.nn.leaky_relu(v, 0.1),
            tf.nn.elu, lambda v: v * tf.nn.relu6(v + 3) * (1 / 6), lambda v: tf.nn.relu(v) + -slopes * tf.nn.relu(-v))(x)

    def pool(self, x):
        return self.pick(tf.nn.max_pool2d, tf.nn.avg_pool2d)(
            x, [self.pick(2, 3), 3], [self.pick(1, 2), 2], self.pick("SAME", "VALID"))

    def add(self, x):
        other = self.conv(x, keep=True)
        return self.pick(lambda: tf.nn.relu(x + other), lambda: x + other, lambda: x - other)()

    def affine(self, x):
        numbers = tf.constant(self.random.uniform(0.5, 2, self.pick((), (1,), (self.channels(x),))).astype(np.float32))
        return self.pick(
            lambda: x * numbers, lambda: x + numbers, lambda: x - numbers, lambda: numbers - x, lambda: x / numbers)()

    def concat(self, x):
        return tf.concat([x, self.conv(x, keep=True), x], 3) if self.channels(x) < 12 else x

    def halves(self, x):
        if self.channels(x) % 2:
            return x[..., 1:] if self.channels(x) > 1 else x
        first, second = tf.split(x, 2, 3)
        return tf.concat([second, first], 3)

    def shuffle(self, x):
        _, h, w, c = (int(size) for size in x.shape)
        groups = next((g for g in (3, 2) if c % g == 0), 1)
        return tf.reshape(tf.transpose(tf.reshape(x, (1, h, w, groups, c // groups)), (0, 1, 2, 4, 3)), (1, h, w, c))

    def cut(self, x):
        return self.pick(lambda: x[:, ::2, ::2], lambda: x[:, 1:, :-1], lambda: x[:, :, 1::2], lambda: x[..., ::-1])()

    def roundabout(self, x):
        return tf.transpose(tf.nn.relu(tf.transpose(x, (0, 3, 1, 2))), (0, 2, 3, 1))

    def flattened(self, x):
        planes = tf.transpose(x, (0, 3, 1, 2))
        return self.pick(
            lambda: tf.reduce_mean(x, (1, 2)), lambda: tf.reduce_mean(planes, (2, 3)), lambda: tf.reduce_max(x, (1, 2)),
            lambda: tf.reshape(x, (1, -1)), lambda: tf.reshape(planes, (1, -1)))()

    def network(self, x, layers=7, classes=3):
        kinds = [self.conv, self.depthwise, self.padded, self.activation, self.pool, self.add, self.affine, self.concat,
                 self.halves, self.shuffle, self.cut, self.roundabout]
        x = self.conv(x)
        for _ in range(layers):
            kind = kinds[self.random.integers(len(kinds))]
            while min(x.shape[1:3]) < 4 and kind in (self.conv, self.depthwise, self.pool, self.cut, self.padded):
                kind = kinds[self.random.integers(len(kinds))]
            x = kind(x)
        x = self.flattened(x)
        x = tf.matmul(x, self.normal(int(x.shape[1]), classes, scale=int(x.shape[1]) ** -0.5)) + self.normal(classes)
        return tf.nn.softmax(x) if self.random.integers(2) else x


def write_random(folder, count=20):
    outputs = {}
    for seed in range(count):
        maker = Maker(seed)
        function = tf.function(maker.network, input_signature=[tf.TensorSpec(maker.shape, tf.float32)])
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
        if seed % 3:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if seed % 3 == 1:
            converter.target_spec.supported_types = [tf.float16]
        model = converter.convert()
        file = f"random{seed}.tflite"
        pathlib.Path(folder, file).write_bytes(model)
        outputs[file] = scores(widened(model))
        assert np.isfinite(outputs[file]).all(), seed
    return outputs


def main(kind, folder, path=None):
    os.makedirs(folder, exist_ok=True)
    if kind == "random":
        outputs = write_random(folder)
    else:
        files = sorted(pathlib.Path(folder).glob("*_float.tflite"))
        outputs = {file.name: scores(widened(file.read_bytes())) for file in files}
    with open(path or f"{folder}/outputs.json", "w") as file:
        json.dump(outputs, file, indent=1, sort_keys=True)
        file.write("\n")


main(*sys.argv[1:])
