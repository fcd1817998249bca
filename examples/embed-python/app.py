"""Trains and predicts from Python through ctypes, with nothing but the standard library.

nnc --emit=shared ../embed-c/circle.nnet, then: python3 app.py ./libcircle.so
"""
import ctypes
import random
import sys
from ctypes import POINTER, Structure, byref, c_char, c_double, c_float, c_int, c_int32, c_int64, c_uint64, c_void_p


class Error(Structure):
    _fields_ = [("code", c_int), ("message", c_char * 512)]


class Batch(Structure):
    _fields_ = [("batch", c_int64), ("x", POINTER(c_float)), ("y", POINTER(c_int32))]


class Metrics(Structure):
    _fields_ = [("loss", c_double), ("accuracy", c_double)]


class Inputs(Structure):
    _fields_ = [("batch", c_int64), ("seed", c_uint64), ("x", POINTER(c_float))]


class Outputs(Structure):
    _fields_ = [("p", POINTER(c_float))]


def load(path):
    library = ctypes.CDLL(path)
    for name in ("circle_model_new", "circle_ctx_new"):
        getattr(library, name).restype = c_void_p
    library.circle_model_new.argtypes = [c_void_p, POINTER(Error)]
    library.circle_ctx_new.argtypes = [c_void_p, c_void_p, POINTER(Error)]
    library.circle_train_step.argtypes = [c_void_p, c_void_p, POINTER(Batch), POINTER(Metrics), POINTER(Error)]
    library.circle_predict.argtypes = [c_void_p, c_void_p, POINTER(Inputs), POINTER(Outputs), POINTER(Error)]
    library.circle_save.argtypes = [c_void_p, ctypes.c_char_p, POINTER(Error)]
    library.circle_load.argtypes = [c_void_p, ctypes.c_char_p, POINTER(Error)]
    library.circle_ctx_free.argtypes = library.circle_model_free.argtypes = [c_void_p]
    return library


def draw(n):
    x, y = (c_float * (2 * n))(), (c_int32 * n)()
    for i in range(n):
        a, b = random.uniform(-1, 1), random.uniform(-1, 1)
        x[2 * i], x[2 * i + 1] = a, b
        y[i] = a * a + b * b < 0.6
    return x, y


def check(status, error):
    if status:
        sys.exit(error.message.decode())


def predict(circle, model, ctx, x, n):
    error, p = Error(), (c_float * (2 * n))()
    check(circle.circle_predict(model, ctx, byref(Inputs(n, 0, x)), byref(Outputs(p)), byref(error)), error)
    return [p[2 * i + 1] > p[2 * i] for i in range(n)]


def main(path, weights):
    random.seed(1)
    circle, error, metrics = load(path), Error(), Metrics()
    model = circle.circle_model_new(None, byref(error))
    ctx = circle.circle_ctx_new(model, None, byref(error))
    for _ in range(600):
        x, y = draw(64)
        check(circle.circle_train_step(model, ctx, byref(Batch(64, x, y)), byref(metrics), byref(error)), error)

    x, y = draw(2000)
    answers = predict(circle, model, ctx, x, 2000)
    print(f"test accuracy: {sum(a == b for a, b in zip(answers, y)) / 2000:.4f}")

    check(circle.circle_save(model, weights.encode(), byref(error)), error)
    other = circle.circle_model_new(None, byref(error))
    check(circle.circle_load(other, weights.encode(), byref(error)), error)
    print("loaded weights answer the same:", predict(circle, other, ctx, x, 2000) == answers)
    for handle, free in ((ctx, circle.circle_ctx_free), (model, circle.circle_model_free), (other, circle.circle_model_free)):
        free(handle)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "circle.safetensors")
