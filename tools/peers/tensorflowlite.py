"""Quantizes an ONNX network with TensorFlow Lite's converter: full integers, int8, a scale a channel for weights.

The converter reads no ONNX, so the nodes are computed one by one in TensorFlow, rows x columns x channels, and that function is
converted. What it does not do: operators beyond those of a plain classifier; it names what it lacks.
"""
import onnx
import tensorflow as tf
from onnx import numpy_helper


def same(size, kernel, stride, dilation):
    """TensorFlow's SAME padding along one side: before and after."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


class Network:
    """An ONNX network as a function of TensorFlow."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.nodes, self.output = graph.node, graph.output[0].name
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        given = next(value for value in graph.input if value.name not in self.constants)
        self.input = given.name
        _, channels, rows, columns = (dimension.dim_value for dimension in given.type.tensor_type.shape.dim)
        self.shape = (1, rows, columns, channels)

    def __call__(self, picture):
        values = {self.input: picture}
        for node in self.nodes:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
                continue
            inputs = [values.get(name, self.constants.get(name)) for name in node.input]
            values[node.output[0]] = getattr(self, node.op_type)(inputs, attributes)
        return values[self.output]

    def windowed(self, x, kernel, attributes, fill):
        """The input with its padding, and what TensorFlow calls the rest of it."""
        strides, dilations = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
        pads = attributes.get("pads", [0] * 4)
        sides = [(pads[axis], pads[axis + 2]) for axis in range(2)]
        if attributes.get("ceil_mode"):
            sides = [
                (before, after + -(x.shape[axis + 1] + before + after - kernel[axis]) % strides[axis])
                for axis, (before, after) in enumerate(sides)]
        if sides == [same(x.shape[axis + 1], kernel[axis], strides[axis], dilations[axis]) for axis in range(2)]:
            return x, strides, dilations, "SAME"
        if sides != [(0, 0), (0, 0)]:
            x = tf.pad(x, [(0, 0), *sides, (0, 0)], constant_values=fill)
        return x, strides, dilations, "VALID"

    def Conv(self, inputs, attributes):
        weights = inputs[1]
        outputs, depth, rows, columns = weights.shape
        x, strides, dilations, padding = self.windowed(inputs[0], (rows, columns), attributes, 0.0)
        if attributes.get("group", 1) > 1 and depth == 1:
            steps = [1, *strides, 1]
            taps = weights.reshape(x.shape[3], outputs // x.shape[3], rows, columns).transpose(2, 3, 0, 1)
            x = tf.nn.depthwise_conv2d(x, taps, steps, padding, dilations=dilations)
        else:
            x = tf.nn.conv2d(x, weights.transpose(2, 3, 1, 0), strides, padding, dilations=dilations)
        return tf.nn.bias_add(x, inputs[2]) if len(inputs) > 2 else x

    def MaxPool(self, inputs, attributes):
        kernel = attributes["kernel_shape"]
        x, strides, _, padding = self.windowed(inputs[0], kernel, attributes, -3.4e38)
        return tf.nn.max_pool2d(x, kernel, strides, padding)

    def Pad(self, inputs, attributes):
        _, channels, top, left, _, more, bottom, right = (int(size) for size in inputs[1])
        return tf.pad(inputs[0], [(0, 0), (top, bottom), (left, right), (channels, more)])

    def Relu(self, inputs, attributes):
        return tf.nn.relu(inputs[0])

    def Clip(self, inputs, attributes):
        low, high = (float(attributes.get(name, inputs[place] if len(inputs) > place else None))
                     for place, name in ((1, "min"), (2, "max")))
        return tf.nn.relu6(inputs[0]) if (low, high) == (0, 6) else tf.clip_by_value(inputs[0], low, high)

    def Add(self, inputs, attributes):
        return inputs[0] + inputs[1]

    def Concat(self, inputs, attributes):
        assert attributes["axis"] == 1, "a Concat along other than channels"
        return tf.concat(inputs, 3)

    def GlobalAveragePool(self, inputs, attributes):
        return tf.reduce_mean(inputs[0], (1, 2), keepdims=True)

    def ReduceMean(self, inputs, attributes):
        assert sorted(attributes["axes"] if "axes" in attributes else inputs[1]) == [2, 3], "a mean of other than pixels"
        return tf.reduce_mean(inputs[0], (1, 2), keepdims=bool(attributes.get("keepdims", 1)))

    def Flatten(self, inputs, attributes):
        assert inputs[0].shape[1:3] == (1, 1), "a Flatten of more than one pixel"
        return tf.reshape(inputs[0], (1, -1))

    def Reshape(self, inputs, attributes):
        return self.Flatten(inputs, attributes)

    def Gemm(self, inputs, attributes):
        matrix = inputs[1].T if attributes.get("transB") else inputs[1]
        return tf.matmul(inputs[0], matrix) + inputs[2]


def convert(path, calibration):
    """The bytes of a `.tflite` file.

    calibration: pictures as the network takes them, batch x channels x rows x columns.
    """
    network = Network(path)
    function = tf.function(network, input_signature=[tf.TensorSpec(network.shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture.transpose(0, 2, 3, 1)] for picture in calibration())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def evaluate(model, pictures):
    """Yields the scores of each picture."""
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale, zero), (step, origin) = given["quantization"], made["quantization"]
    for picture in pictures:
        values = (picture.transpose(0, 2, 3, 1) / scale).round() + zero
        interpreter.set_tensor(given["index"], values.clip(-128, 127).astype("int8"))
        interpreter.invoke()
        yield (interpreter.get_tensor(made["index"]).ravel().astype("float32") - origin) * step
