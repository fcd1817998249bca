"""A case of many items, each with an input of its own and parameters by name, and inputs that they share."""

import torch

from common import write_model
from items import HEAD, add_layers, finish, shape_text

TYPES = {torch.bool: "bool", torch.float32: "f32", torch.int32: "i32"}


def by_path(params, compute):
    """The function of x and the parameters in order, given one of x and a dictionary of them."""
    return lambda x, *values: compute(x, dict(zip(params, values)))


def record_named(case, title, generator, data, cases):
    """cases: name -> (.nnet of IN, named OF, the shape of IN, the layer's parameters, PyTorch's function of IN and of those by
    name). data: the inputs that they share."""
    data = dict(data)
    lines = [f"  input {name}: {TYPES[x.dtype]}{shape_text(x)}" for name, x in data.items()]
    layers = {name: (text.replace("OF", f"{name}_of").replace("IN", f"{name}_in"), shape, params, by_path(params, compute))
              for name, (text, shape, params, compute) in cases.items()}
    recorded = add_layers(layers, generator, data, lines, "{text}", scale=0.5)
    text = HEAD.format(title=title) + "model Oracle {\n" + "\n".join(lines)
    write_model(case, text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish(case, data, recorded)
