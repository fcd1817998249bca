"""A case of many items, each with an input of its own and parameters by name, and inputs that they share."""

import torch

from common import normal, write_model
from items import HEAD, finish, shape_text

TYPES = {torch.bool: "bool", torch.float32: "f32", torch.int32: "i32"}


def record_named(case, title, generator, data, cases):
    """cases: name -> (.nnet of IN, named OF, the shape of IN, the layer's parameters, PyTorch's function of IN and of those by
    name). data: the inputs that they share."""
    data = dict(data)
    lines = [f"  input {name}: {TYPES[x.dtype]}{shape_text(x)}" for name, x in data.items()]
    recorded = {}
    for name, (text, shape, params, compute) in cases.items():
        paths = [f"{name}_of/{path}" for path in params]
        slots = {f"{name}_at/x": normal(generator, *shape)}
        slots |= {path: normal(generator, *size) / 2 for path, size in zip(paths, params.values())}

        def run(x, *values, compute=compute, params=params):
            return compute(x, dict(zip(params, values)))

        data[f"like_{name}"] = torch.zeros(shape, dtype=torch.float32)
        data[f"w_{name}"] = normal(generator, *run(*slots.values()).shape).float()
        lines += [f"  input like_{name}: f32{shape_text(data[f'like_{name}'])}",
                  f"  input w_{name}: f32{shape_text(data[f'w_{name}'])}",
                  f"  let {name}_in = like_{name} |> held() as {name}_at",
                  f"  output {name}_out = {text.replace('IN', f'{name}_in').replace('OF', f'{name}_of')}",
                  f"  loss {name}_loss = sum(w_{name} * {name}_out)"]
        recorded[name] = (slots, run, f"w_{name}")
    text = HEAD.format(title=title) + "model Oracle {\n" + "\n".join(lines)
    write_model(case, text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish(case, data, recorded)
