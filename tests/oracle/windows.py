"""Convolution and pooling: values and gradients, at several sizes, strides, dilations, groups and paddings.

Ours are channels last with kernels [size..., channels, filters]; PyTorch's are channels first with [filters, channels, size...]."""

import torch
import torch.nn.functional as F

from common import write_model
from items import HEAD, add_layers, finish


def first(x):
    """Channels from last to first."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def same_amounts(n, size, stride, dilation=1):
    total = max(0, (-(-n // stride) - 1) * stride + dilation * (size - 1) + 1 - n)
    return total // 2, total - total // 2


def conv(same=False, **options):
    """Our x, kernel and perhaps bias through PyTorch's convolution."""

    def compute(x, kernel, bias=None):
        rank = x.ndim - 2
        run = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
        x = first(x)
        if same:
            stride, dilation = options.get("stride", 1), options.get("dilation", 1)
            amounts = [same_amounts(n, k, stride, dilation) for n, k in zip(x.shape[2:], kernel.shape)]
            x = F.pad(x, [amount for pair in reversed(amounts) for amount in pair])
        return last(run(x, kernel.movedim((-1, -2), (0, 1)), bias, **options))

    return compute


def depthwise(x, kernel, bias):
    weight = kernel.movedim(-1, 0)[:, None]
    return last(F.conv2d(first(x), weight, bias, groups=x.shape[-1]))


def separable(x, depth, point, bias):
    return conv()(last(F.conv2d(first(x), depth.movedim(-1, 0)[:, None], None, padding=1, groups=x.shape[-1])), point, bias)


def transpose(stride, padding, cut=(0, 0)):
    """Keras' kernel [h, w, filters, channels] is PyTorch's [channels, filters, h, w]."""

    def compute(x, kernel, bias):
        y = F.conv_transpose2d(first(x), kernel.permute(3, 2, 0, 1), bias, stride=stride, padding=padding)
        return last(y[..., cut[0]:y.shape[-2] - cut[1], cut[0]:y.shape[-1] - cut[1]])

    return compute


def max_pool(size, stride, before=0, after=0):
    def compute(x):
        run = F.max_pool1d if x.ndim == 3 else F.max_pool2d
        wide = F.pad(first(x), [before, after] * (x.ndim - 2), value=-torch.inf)
        return last(run(wide, size, stride))

    return compute


def avg_pool(size, stride, before=0, after=0):
    """The mean over the elements that exist."""

    def compute(x):
        run = F.avg_pool1d if x.ndim == 3 else F.avg_pool2d

        def total(v):
            return run(F.pad(first(v), [before, after] * (x.ndim - 2)), size, stride)

        return last(total(x) / total(torch.ones_like(x)))

    return compute


# name: (.nnet, shape of x, the layer's parameters, PyTorch's function of x and them)
LAYERS = {
    "conv1d": ("conv1d(5, 3)", (2, 9, 4), {"kernel": (3, 4, 5), "bias": (5,)}, conv()),
    "conv1d_strided": ("conv1d(6, 4, stride = 3, bias = false)", (2, 17, 3), {"kernel": (4, 3, 6)}, conv(stride=3)),
    "conv1d_dilated": ("conv1d(2, 3, dilation = 4, padding = same)", (1, 11, 2), {"kernel": (3, 2, 2), "bias": (2,)},
                       conv(same=True, dilation=4)),
    "conv1d_groups": ("conv1d(6, 2, groups = 3)", (2, 5, 9), {"kernel": (2, 3, 6), "bias": (6,)}, conv(groups=3)),
    "conv1d_one": ("conv1d(1, 1)", (3, 1, 1), {"kernel": (1, 1, 1), "bias": (1,)}, conv()),
    "conv2d": ("conv2d(7, 3)", (2, 6, 5, 3), {"kernel": (3, 3, 3, 7), "bias": (7,)}, conv()),
    "conv2d_same": ("conv2d(16, 3, padding = same)", (3, 8, 8, 16), {"kernel": (3, 3, 16, 16), "bias": (16,)}, conv(same=True)),
    "conv2d_wide": ("conv2d(40, 3, padding = 1, activation = tanh)", (2, 5, 7, 33), {"kernel": (3, 3, 33, 40), "bias": (40,)},
                    lambda x, k, b: torch.tanh(conv(padding=1)(x, k, b))),
    "conv2d_strided": ("conv2d(8, 3, stride = 2, padding = same)", (2, 7, 8, 5), {"kernel": (3, 3, 5, 8), "bias": (8,)},
                       conv(same=True, stride=2)),
    "conv2d_even": ("conv2d(3, [2, 5], stride = [2, 1], padding = [0, 2])", (2, 8, 6, 2), {"kernel": (2, 5, 2, 3), "bias": (3,)},
                    conv(stride=(2, 1), padding=(0, 2))),
    "conv2d_dilated": ("conv2d(4, 3, dilation = 2)", (1, 9, 7, 3), {"kernel": (3, 3, 3, 4), "bias": (4,)}, conv(dilation=2)),
    "conv2d_groups": ("conv2d(6, 3, groups = 2, padding = 1)", (2, 5, 4, 4), {"kernel": (3, 3, 2, 6), "bias": (6,)},
                      conv(groups=2, padding=1)),
    "conv2d_point": ("conv2d(32, 1, bias = false)", (2, 4, 4, 24), {"kernel": (1, 1, 24, 32)}, conv()),
    "conv2d_whole": ("conv2d(2, 4)", (2, 4, 4, 3), {"kernel": (4, 4, 3, 2), "bias": (2,)}, conv()),
    "conv3d": ("conv3d(4, 2, stride = 2)", (2, 5, 4, 6, 3), {"kernel": (2, 2, 2, 3, 4), "bias": (4,)}, conv(stride=2)),
    "conv3d_same": ("conv3d(3, 3, padding = same, bias = false)", (1, 3, 4, 3, 2), {"kernel": (3, 3, 3, 2, 3)}, conv(same=True)),
    "depthwise": ("depthwise_conv2d(3)", (2, 6, 5, 17), {"kernel": (3, 3, 17), "bias": (17,)}, depthwise),
    "separable": ("separable_conv2d(6, 3, padding = 1)", (2, 5, 5, 4),
                  {"depthwise/kernel": (3, 3, 4), "pointwise/kernel": (1, 1, 4, 6), "pointwise/bias": (6,)}, separable),
    "transpose": ("conv2d_transpose(3, 3, stride = 2)", (2, 4, 5, 6), {"kernel": (3, 3, 3, 6), "bias": (3,)}, transpose(2, 0)),
    "transpose_same": ("conv2d_transpose(4, 5, stride = 2, padding = same)", (1, 3, 4, 2), {"kernel": (5, 5, 4, 2), "bias": (4,)},
                       transpose(2, 0, (1, 2))),
    "transpose_padded": ("conv2d_transpose(2, 4, stride = 2, padding = 1)", (2, 3, 3, 5), {"kernel": (4, 4, 2, 5), "bias": (2,)},
                         transpose(2, 1)),
    "max1d": ("max_pool1d()", (2, 7, 3), {}, max_pool(2, 2)),
    "max2d": ("max_pool2d()", (2, 6, 4, 17), {}, max_pool(2, 2)),
    "max2d_overlap": ("max_pool2d(3, stride = 2, padding = 1)", (2, 7, 5, 4), {}, max_pool(3, 2, 1, 1)),
    "max2d_same": ("max_pool2d(3, stride = 2, padding = same)", (1, 6, 6, 2), {}, max_pool(3, 2, 0, 1)),
    "avg1d": ("avg_pool1d(3)", (2, 7, 5), {}, avg_pool(3, 3)),
    "avg2d": ("avg_pool2d()", (2, 4, 6, 3), {}, avg_pool(2, 2)),
    "avg2d_overlap": ("avg_pool2d(3, stride = 1, padding = same)", (1, 4, 5, 2), {}, avg_pool(3, 1, 1, 1)),
    "conv1d_each": ("conv1d(9, 2, groups = 9)", (2, 5, 9), {"kernel": (2, 1, 9), "bias": (9,)}, conv(groups=9)),
    "conv2d_each": ("conv2d(16, 5, groups = 16, padding = same, stride = 1)", (2, 6, 7, 16), {"kernel": (5, 5, 1, 16), "bias": (16,)},
                    conv(same=True, groups=16)),
}


def record_all():
    generator = torch.Generator().manual_seed(17)
    data, lines = {}, []
    cases = add_layers(LAYERS, generator, data, lines)
    text = HEAD.format(title="Convolution and pooling") + "model Oracle {\n" + "\n".join(lines)
    write_model("windows", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("windows", data, cases)


if __name__ == "__main__":
    record_all()
