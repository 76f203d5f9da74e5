"""Writes the files that the peers run, float32 and int8, of the networks in networks.py.

    python models.py FORMAT NETWORK FOLDER      with FORMAT one of tflite, onnx, openvino, executorch

Int8 as each runtime's own quantizer makes it: weights per channel, activations calibrated on a few random pictures. What it does
not do: care for accuracy; weights are random. Each format needs its own packages, which tools/bench installs.
"""
import sys

import networks
import numpy


def pictures(net, channels_last):
    random = numpy.random.default_rng(7)
    height, width, channels = net.shapes["input"]
    made = [random.uniform(-1, 1, (1, height, width, channels)).astype(numpy.float32) for _ in range(4)]
    return made if channels_last else [picture.transpose(0, 3, 1, 2).copy() for picture in made]


def tflite(net, path):
    import tensorflow as tf

    def activated(value, act):
        return {"relu": tf.nn.relu, "relu6": tf.nn.relu6, None: tf.identity}[act](value)

    def run(step, values):
        kind, x = step["kind"], values.get(step.get("x"))
        if kind == "conv":
            weights, pad = tf.constant(step["weights"]), step["pad"].upper()
            if step["groups"] > 1 and weights.shape[2] == 1:
                strides = (1, step["stride"], step["stride"], 1)
                made = tf.nn.depthwise_conv2d(x, tf.transpose(weights, (0, 1, 3, 2)), strides, pad)
            else:
                made = tf.nn.conv2d(x, weights, step["stride"], pad)
            return activated(tf.nn.bias_add(made, tf.constant(step["bias"])), step["act"])
        if kind == "scale":
            return activated(x * tf.constant(step["scale"]) + tf.constant(step["offset"]), step["act"])
        if kind == "add":
            return activated(x + values[step["y"]], step["act"])
        if kind == "concat":
            return tf.concat([values[name] for name in step["xs"]], 3)
        if kind == "slice":
            return x[..., step["begin"]:step["end"]]
        if kind == "shuffle":
            height, width, channels = net.shapes[step["x"]]
            parts = tf.reshape(x, (1, height, width, step["groups"], channels // step["groups"]))
            return tf.reshape(tf.transpose(parts, (0, 1, 2, 4, 3)), (1, height, width, channels))
        if kind in ("maxpool", "avgpool"):
            pool = tf.nn.max_pool2d if kind == "maxpool" else tf.nn.avg_pool2d
            return pool(x, step["kernel"], step["stride"], step["pad"].upper())
        if kind == "mean":
            return tf.reduce_mean(x, (1, 2))
        return tf.nn.bias_add(tf.matmul(x, tf.constant(step["weights"])), tf.constant(step["bias"]))

    @tf.function(input_signature=[tf.TensorSpec((1,) + net.shapes["input"], tf.float32, name="input")])
    def whole(picture):
        values = {"input": picture}
        for step in net.steps:
            values[step["out"]] = run(step, values)
        return values[net.output]

    def converter():
        return tf.lite.TFLiteConverter.from_concrete_functions([whole.get_concrete_function()])

    with open(f"{path}.f32.tflite", "wb") as file:
        file.write(converter().convert())
    int8 = converter()
    int8.optimizations = [tf.lite.Optimize.DEFAULT]
    int8.representative_dataset = lambda: ([picture] for picture in pictures(net, True))
    int8.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    int8.inference_input_type = int8.inference_output_type = tf.int8
    with open(f"{path}.int8.tflite", "wb") as file:
        file.write(int8.convert())


def onnx(net, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    nodes, constants = [], []

    def constant(name, values):
        constants.append(numpy_helper.from_array(numpy.ascontiguousarray(values), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    constant("zero", numpy.float32(0))
    constant("six", numpy.float32(6))
    for step in net.steps:
        kind, x, out = step["kind"], step.get("x"), step["out"]
        made = out + "_raw" if step.get("act") else out
        window = {}
        if "kernel" in step:
            window = dict(kernel_shape=[step["kernel"]] * 2, strides=[step["stride"]] * 2, pads=list(step["pads"]))
        if kind == "conv":
            weights = constant(out + "_w", step["weights"].transpose(3, 2, 0, 1))
            node("Conv", [x, weights, constant(out + "_b", step["bias"])], made, group=step["groups"], **window)
        elif kind == "scale":
            node("Mul", [x, constant(out + "_s", step["scale"].reshape(1, -1, 1, 1))], out + "_m")
            node("Add", [out + "_m", constant(out + "_o", step["offset"].reshape(1, -1, 1, 1))], made)
        elif kind == "add":
            node("Add", [x, step["y"]], made)
        elif kind == "concat":
            node("Concat", step["xs"], out, axis=1)
        elif kind == "slice":
            ends = [constant(f"{out}_{key}", numpy.array([step[key]])) for key in ("begin", "end")]
            node("Slice", [x, *ends, constant(out + "_axis", numpy.array([1]))], out)
        elif kind == "shuffle":
            height, width, channels = net.shapes[x]
            apart = numpy.array([1, step["groups"], channels // step["groups"], height, width])
            node("Reshape", [x, constant(out + "_apart", apart)], out + "_r")
            node("Transpose", [out + "_r"], out + "_t", perm=[0, 2, 1, 3, 4])
            node("Reshape", [out + "_t", constant(out + "_shape", numpy.array([1, channels, height, width]))], out)
        elif kind == "maxpool":
            node("MaxPool", [x], out, **window)
        elif kind == "avgpool":
            node("AveragePool", [x], out, count_include_pad=0, **window)
        elif kind == "mean":
            node("GlobalAveragePool", [x], out + "_g")
            node("Flatten", [out + "_g"], out)
        else:
            node("Gemm", [x, constant(out + "_w", step["weights"].T), constant(out + "_b", step["bias"])], out, transB=1)
        if step.get("act") == "relu6":
            node("Clip", [made, "zero", "six"], out)
        elif step.get("act"):
            node("Relu", [made], out)
    height, width, channels = net.shapes["input"]
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, channels, height, width])],
        [helper.make_tensor_value_info(net.output, TensorProto.FLOAT, [1, net.shapes[net.output][2]])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(onnx.shape_inference.infer_shapes(model), f"{path}.f32.onnx")

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(pictures(net, False))

        def get_next(self):
            return next(({"input": picture} for picture in self.rest), None)

    # Unsigned activations by signed weights: what its kernels with dot products take.
    quantize_static(f"{path}.f32.onnx", f"{path}.int8.onnx", Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def openvino(net, path):
    import nncf
    import openvino

    model = openvino.convert_model(f"{path}.f32.onnx")
    openvino.save_model(model, f"{path}.f32.xml", compress_to_fp16=False)
    data = nncf.Dataset(pictures(net, False))
    int8 = nncf.quantize(model, data, preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=4)
    openvino.save_model(int8, f"{path}.int8.xml", compress_to_fp16=False)


def executorch(net, path):
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config
    from executorch.exir import to_edge_transform_and_lower
    from torch.nn import functional
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    acts = {"relu": functional.relu, "relu6": functional.relu6, None: lambda value: value}

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for step in net.steps:
                if step["kind"] == "conv":
                    # The same sizes and work; torch pads both sides alike.
                    pad = step["kernel"] // 2 if step["pad"] == "same" else 0
                    outputs, inputs = step["weights"].shape[3], step["weights"].shape[2] * step["groups"]
                    layer = torch.nn.Conv2d(inputs, outputs, step["kernel"], step["stride"], pad, groups=step["groups"])
                    layer.weight.data = torch.from_numpy(step["weights"].transpose(3, 2, 0, 1).copy())
                elif step["kind"] == "linear":
                    layer = torch.nn.Linear(*step["weights"].shape)
                    layer.weight.data = torch.from_numpy(step["weights"].T.copy())
                else:
                    if step["kind"] == "scale":
                        self.register_buffer(step["out"] + "_s", torch.from_numpy(step["scale"]).view(1, -1, 1, 1))
                        self.register_buffer(step["out"] + "_o", torch.from_numpy(step["offset"]).view(1, -1, 1, 1))
                    continue
                layer.bias.data = torch.from_numpy(step["bias"])
                setattr(self, step["out"], layer)

        def run(self, step, values):
            kind, x = step["kind"], values.get(step.get("x"))
            if kind in ("conv", "linear"):
                return acts[step.get("act")](getattr(self, step["out"])(x))
            if kind == "scale":
                return acts[step["act"]](x * getattr(self, step["out"] + "_s") + getattr(self, step["out"] + "_o"))
            if kind == "add":
                return acts[step["act"]](x + values[step["y"]])
            if kind == "concat":
                return torch.cat([values[name] for name in step["xs"]], 1)
            if kind == "slice":
                return x[:, step["begin"]:step["end"]]
            if kind == "shuffle":
                height, width, channels = net.shapes[step["x"]]
                parts = x.view(1, step["groups"], channels // step["groups"], height, width)
                return parts.transpose(1, 2).reshape(1, channels, height, width)
            if kind == "mean":
                return x.mean((2, 3))
            pad = step["kernel"] // 2 if step["pad"] == "same" else 0
            if kind == "maxpool":
                return functional.max_pool2d(x, step["kernel"], step["stride"], pad)
            return functional.avg_pool2d(x, step["kernel"], step["stride"], pad, count_include_pad=False)

        def forward(self, picture):
            values = {"input": picture}
            for step in net.steps:
                values[step["out"]] = self.run(step, values)
            return values[net.output]

    inputs = [(torch.from_numpy(picture),) for picture in pictures(net, False)]
    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=True))
    module = prepare_pt2e(torch.export.export(Module().eval(), inputs[0]).module(), quantizer)
    for picture in inputs:
        module(*picture)
    exported = torch.export.export(convert_pt2e(module), inputs[0])
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with open(f"{path}.int8.pte", "wb") as file:
        file.write(program.buffer)


FORMATS = {"tflite": tflite, "onnx": onnx, "openvino": openvino, "executorch": executorch}

if __name__ == "__main__":
    kind, name, folder = sys.argv[1:]
    FORMATS[kind](networks.NETWORKS[name](), f"{folder}/{networks.file_stem(name)}")
