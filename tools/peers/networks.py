"""The networks of tools/bench as data, for the peers: every runtime is given the same arithmetic.

A network is a list of steps over named values, batch norms folded, weights random: time does not depend on them. Padding is
(top, left, bottom, right), at "same" as TensorFlow does it, so that one list means the same in every runtime. Shapes are height,
width, channels. What it does not do: mean the zoo's networks to the letter where those pad in PyTorch's way; sizes and
multiply-accumulates are theirs.
"""
import numpy


class Network:
    def __init__(self, size):
        self.shapes = {"input": (size, size, 3)}
        self.steps = []
        self.random = numpy.random.default_rng(1)

    @property
    def output(self):
        return self.steps[-1]["out"]

    def add_step(self, kind, shape, **step):
        step.update(kind=kind, out=f"v{len(self.steps)}")
        self.shapes[step["out"]] = shape
        self.steps.append(step)
        return step["out"]

    def window(self, value, kernel, stride, pad):
        height, width, channels = self.shapes[value]

        def side(size):
            if pad == "valid":
                return (size - kernel) // stride + 1, 0, 0
            count = -(-size // stride)
            total = max((count - 1) * stride + kernel - size, 0)
            return count, total // 2, total - total // 2

        (rows, top, bottom), (columns, left, right) = side(height), side(width)
        return rows, columns, dict(kernel=kernel, stride=stride, pad=pad, pads=(top, left, bottom, right))

    def values(self, shape, deviation):
        return (self.random.standard_normal(shape) * deviation).astype(numpy.float32)

    def conv(self, value, outputs, kernel=1, stride=1, groups=1, act=None, pad="same"):
        inputs = self.shapes[value][2] // groups
        rows, columns, window = self.window(value, kernel, stride, pad)
        weights = self.values((kernel, kernel, inputs, outputs), (2 / (kernel * kernel * inputs)) ** 0.5)
        return self.add_step("conv", (rows, columns, outputs), x=value, weights=weights, bias=self.values(outputs, 0.05),
                             groups=groups, act=act, **window)

    def depthwise(self, value, stride=1, act=None):
        return self.conv(value, self.shapes[value][2], 3, stride, self.shapes[value][2], act)

    def pool(self, value, kind, kernel, stride, pad="same"):
        rows, columns, window = self.window(value, kernel, stride, pad)
        return self.add_step(kind, (rows, columns, self.shapes[value][2]), x=value, **window)

    def scale(self, value):
        channels = self.shapes[value][2]
        return self.add_step("scale", self.shapes[value], x=value, scale=1 + self.values(channels, 0.1),
                             offset=self.values(channels, 0.1), act="relu")

    def add(self, first, second, act=None):
        return self.add_step("add", self.shapes[first], x=first, y=second, act=act)

    def concat(self, values):
        rows, columns, _ = self.shapes[values[0]]
        return self.add_step("concat", (rows, columns, sum(self.shapes[v][2] for v in values)), xs=values)

    def slice(self, value, begin, end):
        return self.add_step("slice", self.shapes[value][:2] + (end - begin,), x=value, begin=begin, end=end)

    def shuffle(self, value, groups):
        return self.add_step("shuffle", self.shapes[value], x=value, groups=groups)

    def classify(self, value, classes):
        channels = self.shapes[value][2]
        mean = self.add_step("mean", (1, 1, channels), x=value)
        self.add_step("linear", (1, 1, classes), x=mean, weights=self.values((channels, classes), channels ** -0.5),
                      bias=self.values(classes, 0.05))
        return self


def whole(value):
    """To a multiple of 8, at most a tenth below: Sandler et al. 2018, in their code."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def mobilenet_v1(width=1.0, size=224, classes=1000):
    net = Network(size)
    value = net.conv("input", int(32 * width), 3, 2, act="relu6")
    for channels, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        value = net.conv(net.depthwise(value, stride, "relu6"), int(channels * width), act="relu6")
    return net.classify(value, classes)


def mobilenet_v2(width=1.0, size=224, classes=1000):
    net = Network(size)
    value = net.conv("input", whole(32 * width), 3, 2, act="relu6")
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, count, first in stages:
        for index in range(count):
            inputs, outputs, stride = net.shapes[value][2], whole(channels * width), first if index == 0 else 1
            inner = net.conv(value, inputs * expansion, act="relu6") if expansion > 1 else value
            inner = net.conv(net.depthwise(inner, stride, "relu6"), outputs)
            value = net.add(value, inner) if stride == 1 and inputs == outputs else inner
    return net.classify(net.conv(value, max(1280, whole(1280 * width)), act="relu6"), classes)


def shufflenet_v1(groups=3, channels=(240, 480, 960)):
    net = Network(224)
    value = net.pool(net.conv("input", 24, 3, 2, act="relu"), "maxpool", 3, 2)
    for stage, (outputs, count) in enumerate(zip(channels, (4, 8, 4))):
        for index in range(count):
            inputs = net.shapes[value][2]
            inner = net.conv(value, outputs // 4, groups=1 if stage == index == 0 else groups, act="relu")
            inner = net.depthwise(net.shuffle(inner, groups), 2 if index == 0 else 1)
            if index == 0:
                inner = net.conv(inner, outputs - inputs, groups=groups, act="relu")
                value = net.concat([net.pool(value, "avgpool", 3, 2), inner])
            else:
                value = net.add(value, net.conv(inner, outputs, groups=groups), "relu")
    return net.classify(value, 1000)


def shufflenet_v2(channels=(116, 232, 464)):
    net = Network(224)
    value = net.pool(net.conv("input", 24, 3, 2, act="relu"), "maxpool", 3, 2)
    for outputs, count in zip(channels, (4, 8, 4)):
        half = outputs // 2
        for index in range(count):
            stride = 2 if index == 0 else 1
            left = net.conv(net.depthwise(value, 2), half, act="relu") if index == 0 else net.slice(value, 0, half)
            right = value if index == 0 else net.slice(value, half, outputs)
            right = net.depthwise(net.conv(right, half, act="relu"), stride)
            value = net.shuffle(net.concat([left, net.conv(right, half, act="relu")]), 2)
    return net.classify(net.conv(value, 1024, act="relu"), 1000)


def condensenet(stages=(4, 6, 8, 10, 8), growth=(8, 16, 32, 64, 128)):
    """As a user of a peer would write it: dense 1x1 convolutions with zeros, for the selection of channels is slow there."""
    net = Network(224)
    value = net.conv("input", 2 * growth[0], 3, 2)
    for index, (count, grown) in enumerate(zip(stages, growth)):
        for _ in range(count):
            inner = net.conv(net.scale(value), 4 * grown, act="relu")
            value = net.concat([value, net.conv(inner, grown, 3, groups=4)])
        if index + 1 < len(stages):
            value = net.pool(value, "avgpool", 2, 2, "valid")
    return net.classify(net.scale(value), 1000)


def residual(size, stem, stages, classes):
    net = Network(size)
    value = stem(net)
    for channels, stride in stages:
        inner = net.conv(net.conv(value, channels, 3, stride, act="relu"), channels, 3)
        value = net.add(net.conv(value, channels, 1, stride) if stride == 2 else value, inner, "relu")
    return net.classify(value, classes)


def resnet_8():
    return residual(32, lambda net: net.conv("input", 16, 3, act="relu"), [(16, 1), (32, 2), (64, 2)], 10)


def resnet_18():
    stages = [(channels, stride) for channels in (64, 128, 256, 512) for stride in (1 if channels == 64 else 2, 1)]
    return residual(224, lambda net: net.pool(net.conv("input", 64, 7, 2, act="relu"), "maxpool", 3, 2), stages, 1000)


def squeezenet():
    net = Network(224)
    value = net.conv("input", 64, 3, 2, act="relu", pad="valid")
    for squeeze in [0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64]:
        if squeeze == 0:
            value = net.pool(value, "maxpool", 3, 2, "valid")
            continue
        inner = net.conv(value, squeeze, act="relu")
        value = net.concat([net.conv(inner, 4 * squeeze, act="relu"), net.conv(inner, 4 * squeeze, 3, act="relu")])
    value = net.conv(value, 1000, act="relu")
    net.add_step("mean", (1, 1, 1000), x=value)
    return net


# By the name that Swiftlet knows each by.
NETWORKS = {
    "mobilenet-v1": mobilenet_v1,
    "mobilenet-v1:width=0.25,resolution=96,classes=2": lambda: mobilenet_v1(0.25, 96, 2),
    "mobilenet-v2": mobilenet_v2,
    "mobilenet-v2:width=0.35,resolution=96": lambda: mobilenet_v2(0.35, 96),
    "shufflenet-v1:groups=3": shufflenet_v1,
    "shufflenet-v2": shufflenet_v2,
    "condensenet": condensenet,
    "resnet-8": resnet_8,
    "squeezenet": squeezenet,
    "resnet-18": resnet_18,
}


def file_stem(name):
    return name.replace(":", "-").replace(",", "-")
