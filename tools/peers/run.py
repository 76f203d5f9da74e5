"""Runs one model in one peer and prints one line of JSON: milliseconds of each run, and what memory it took.

    python run.py RUNTIME STEM THREADS RUNS SECONDS      with STEM the model's path without its ending

One runtime and one model a process: nothing is shared, and what the process's memory grew by is theirs. Runs end after RUNS or
SECONDS, whatever is first. Peak RSS counts from after the imports. What it does not do: check the answer.
"""
import ctypes
import gc
import json
import os
import sys
import time

import numpy

# What tools/bench calls each, and the file that it reads.
ENDINGS = {
    "litert": ".int8.tflite", "litert-f32": ".f32.tflite", "onnxruntime": ".int8.onnx", "onnxruntime-f32": ".f32.onnx",
    "openvino": ".int8.xml", "openvino-f32": ".f32.xml", "executorch": ".int8.pte",
}


def litert(path, threads):
    from ai_edge_litert import interpreter

    def load():
        peer = interpreter.Interpreter(model_path=path, num_threads=threads)
        peer.allocate_tensors()
        entry = peer.get_input_details()[0]
        random = numpy.random.default_rng(1).integers(-100, 100, entry["shape"])
        peer.set_tensor(entry["index"], random.astype(entry["dtype"]))
        return peer.invoke
    return load


def onnxruntime(path, threads):
    import onnxruntime

    def load():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        binding, entry = session.io_binding(), session.get_inputs()[0]
        binding.bind_cpu_input(entry.name, numpy.random.default_rng(1).random(entry.shape, numpy.float32))
        binding.bind_output(session.get_outputs()[0].name, "cpu")
        return lambda: session.run_with_iobinding(binding)
    return load


def openvino(path, threads):
    import openvino

    def load():
        core = openvino.Core()
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        if ".f32." in path:
            options["INFERENCE_PRECISION_HINT"] = "f32"
        request = core.compile_model(core.read_model(path), "CPU", options).create_infer_request()
        shape = request.get_input_tensor().shape
        request.set_input_tensor(openvino.Tensor(numpy.random.default_rng(1).random(tuple(shape), numpy.float32)))
        return request.infer
    return load


def executorch(path, threads):
    import torch
    from executorch.extension.pybindings import portable_lib

    def load():
        portable_lib._unsafe_reset_threadpool(threads)
        module = portable_lib._load_for_executorch(path)
        sizes = module.method_meta("forward").input_tensor_meta(0).sizes()
        picture = (torch.rand(*sizes),)
        return lambda: module.forward(picture)
    return load


def memory(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def main():
    runtime, stem, threads, runs, seconds = sys.argv[1:]
    load = globals()[runtime.removesuffix("-f32")](stem + ENDINGS[runtime], int(threads))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS")
    run = load()
    begin, warm = time.perf_counter(), 0
    while warm < 5 or time.perf_counter() - begin < 0.1:
        run()
        warm += 1
    times, begin = [], time.perf_counter()
    while len(times) < int(runs) and (len(times) < 5 or time.perf_counter() - begin < float(seconds)):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    print("\n" + json.dumps({"milliseconds": times, "peakBytes": memory("VmHWM") - before}), flush=True)
    # Some runtimes crash in the destructors of their static objects.
    os._exit(0)


if __name__ == "__main__":
    main()
