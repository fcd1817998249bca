"""Recurrent layers: values and gradients of one call, in every form, and twenty steps of a stacked network with ragged lengths.

Our kernels are [inputs, gates, units], PyTorch's [gates * units, inputs] with the gates in the same order; its two biases of an
RNN or LSTM are one here. A masked step keeps the state here; PyTorch's packed sequences have zeros there."""

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record
from items import HEAD, finish, shape_text

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
LENGTHS = [3, 5, 1]  # of the masked samples, 5 steps long
HOLES = [[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1]]


def sizes(kind, inputs, units, bias=True):
    gates = [] if kind == "rnn" else [GATES[kind]]
    shapes = {"kernel": (inputs, *gates, units), "recurrent": (units, *gates, units)}
    if bias:
        shapes["bias"] = (*gates, units)
    if bias and kind == "gru":
        shapes["recurrent_bias"] = (*gates, units)
    return shapes


def torch_weights(params, suffix):
    """Of one direction, from ours."""
    params = dict(params)
    bias = params.get("bias", torch.zeros(params["kernel"][0].shape, dtype=params["kernel"].dtype)).reshape(-1)
    return {f"weight_ih_l0{suffix}": params["kernel"].flatten(1).T, f"weight_hh_l0{suffix}": params["recurrent"].flatten(1).T,
            f"bias_ih_l0{suffix}": bias, f"bias_hh_l0{suffix}": params.get("recurrent_bias", torch.zeros_like(bias)).reshape(-1)}


def run(kind, x, directions, state=None, lengths=None, **options):
    """The sequences and the last states [directions, batch, units] (a tuple of them for lstm)."""
    inputs, units = x.shape[2], directions[0]["recurrent"].shape[0]
    module = MODULES[kind](inputs, units, batch_first=True, bidirectional=len(directions) == 2, dtype=x.dtype, **options)
    weights = {}
    for params, suffix in zip(directions, ("", "_reverse")):
        weights |= torch_weights(params, suffix)
    fed = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), True, False)
    out, last = torch.func.functional_call(module, weights, (fed, state))
    if lengths is not None:
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, True, total_length=x.shape[1])
        h = last[0] if kind == "lstm" else last
        within = (torch.arange(x.shape[1])[None] < torch.tensor(lengths)[:, None])[..., None]
        ends = [h[0]] + [torch.zeros_like(h[0])] * (len(directions) - 1)
        out = torch.where(within, out, torch.cat(ends, -1)[:, None])
    return out, last


def side_by_side(state):
    return torch.cat(list(state), -1)


def plain(kind, result="last", flip=False, **options):
    """Of x and the parameters of one direction."""

    def compute(x, *params):
        names = list(sizes(kind, 1, 1, len(params) > 2))
        out, last = run(kind, x.flip(1) if flip else x, [dict(zip(names, params))], **options)
        h = last[0] if kind == "lstm" else last
        return (out.flip(1) if flip else out) if result == "all" else h[0]

    return compute


def both(kind, result="last", **options):
    """Of x and the parameters of two directions; `result` "state": out and last states, one behind the other along the last axis."""

    def compute(x, *params):
        names = list(sizes(kind, 1, 1))
        half = len(params) // 2
        out, last = run(kind, x, [dict(zip(names, params[:half])), dict(zip(names, params[half:]))], **options)
        h = last[0] if kind == "lstm" else last
        if result == "state":
            parts = [side_by_side(s) for s in (last if kind == "lstm" else (last,))]
            return torch.cat([out[:, 0], *parts], -1)
        return out if result == "all" else side_by_side(h)

    return compute


def begun(kind):
    """Of x, the state to begin with and the parameters: out at the end, then the last states."""

    def compute(x, *rest):
        count = 2 if kind == "lstm" else 1
        state = [s[None] for s in rest[:count]]
        out, last = run(kind, x, [dict(zip(sizes(kind, 1, 1), rest[count:]))], state=tuple(state) if kind == "lstm" else state[0])
        parts = [s[0] for s in (last if kind == "lstm" else (last,))]
        return torch.cat([out[:, 1], *parts], -1)

    return compute


def holes(kind):
    """A step that is masked is not there."""

    def compute(x, *params):
        rows = []
        for sample, seen in zip(x, HOLES):
            steps = [i for i, on in enumerate(seen) if on]
            if not steps:
                rows.append(0.0 * sample.sum() * params[0].flatten()[0] + torch.zeros(params[1].shape[0], dtype=x.dtype))
                continue
            out, _ = run(kind, sample[steps][None], [dict(zip(sizes(kind, 1, 1), params))])
            rows.append(out[0, -1])
        return torch.stack(rows)

    return compute


def stacked(x, *params):
    names = list(sizes("lstm", 1, 1))
    first, _ = run("lstm", x, [dict(zip(names, params[:3])), dict(zip(names, params[3:6]))])
    _, last = run("gru", first, [dict(zip(sizes("gru", 1, 1), params[6:]))])
    return last[0]


def prefixed(prefix, shapes):
    return {f"{prefix}/{path}": shape for path, shape in shapes.items()}


def cases():
    """name: (.nnet of x, shape of x, states to begin with, parameters, PyTorch's function)"""
    table = {}

    def add(name, text, shape, params, compute, states=()):
        table[name] = (text, shape, states, params, compute)

    for kind in GATES:
        add(kind, f"{kind}(5)", (3, 4, 6), sizes(kind, 6, 5), plain(kind))
        add(f"{kind}_wide", f"{kind}(33, return_sequences = true)", (2, 7, 3), sizes(kind, 3, 33), plain(kind, "all"))
        add(f"{kind}_one", f"{kind}(4, return_sequences = true)", (1, 1, 2), sizes(kind, 2, 4), plain(kind, "all"))
        add(f"{kind}_single", f"{kind}(1)", (1, 6, 1), sizes(kind, 1, 1), plain(kind))
        add(f"{kind}_reverse", f"{kind}(5, return_sequences = true, reverse = true)", (2, 4, 3), sizes(kind, 3, 5), plain(kind, "all", True))
        add(f"{kind}_no_bias", f"{kind}(5, bias = false)", (2, 4, 3), sizes(kind, 3, 5, False), plain(kind))
        add(f"{kind}_ragged", f"{kind}(5, return_sequences = true)(X, lengths)", (3, 5, 2), sizes(kind, 2, 5), plain(kind, "all", lengths=LENGTHS))
        add(f"{kind}_holes", f"{kind}(5)(X, holes)", (3, 5, 2), sizes(kind, 2, 5), holes(kind))
        two = prefixed("forward", sizes(kind, 3, 5)) | prefixed("backward", sizes(kind, 3, 5))
        add(f"{kind}_both", f"{kind}(5, bidirectional = true)", (2, 4, 3), two, both(kind))
        add(f"{kind}_both_all", f"{kind}(5, return_sequences = true, bidirectional = true)", (2, 6, 3), two, both(kind, "all"))
        add(f"{kind}_both_ragged", f"{kind}(5, return_sequences = true, bidirectional = true)(X, lengths)", (3, 5, 3), two,
            both(kind, "all", lengths=LENGTHS))
        add(f"{kind}_both_state", f"first_and_states_{kind}(5)", (2, 4, 3), prefixed(kind, two), both(kind, "state"))
        count = 2 if kind == "lstm" else 1
        add(f"{kind}_begun", f"from_state_{kind}(5)(X, {', '.join(['S0', 'S1'][:count])})", (2, 4, 3), prefixed(kind, sizes(kind, 3, 5)), begun(kind),
            [(2, 5)] * count)
    add("rnn_relu", "rnn(5, activation = relu)", (3, 4, 6), sizes("rnn", 6, 5), plain("rnn", nonlinearity="relu"))
    deep = prefixed("lstm/forward", sizes("lstm", 3, 4)) | prefixed("lstm/backward", sizes("lstm", 3, 4)) | prefixed("gru", sizes("gru", 8, 5))
    add("stacked", "chain(lstm(4, return_sequences = true, bidirectional = true), gru(5))", (2, 6, 3), deep, stacked)
    return table


HELPERS = """# The first outputs of both directions, and the last states.
layer first_and_states_{kind}(units: int)(x: real[B, T, D]) -> real[B, {wide} * units] {{
  let ys, {states} = x |> {kind}(units, return_sequences = true, return_state = true, bidirectional = true)
  return concat([ys[:, 0], {states}], axis = -1)
}}

# From the states given: the second output, and the last states.
layer from_state_{kind}(units: int)(x: real[B, T, D], {typed}) -> real[B, {wide_one} * units] {{
  let f = {kind}(units, return_sequences = true, return_state = true) as {kind}
  let ys, {states} = f(x, {given})
  return concat([ys[:, 1], {states}], axis = -1)
}}

"""


def helpers():
    text = ""
    for kind in GATES:
        two = kind == "lstm"
        text += HELPERS.format(kind=kind, states="h, c" if two else "h", wide=6 if two else 4, wide_one=3 if two else 2,
                               typed="h0: real[B, units], c0: real[B, units]" if two else "h0: real[B, units]",
                               given="h = h0, c = c0" if two else "h = h0")
    return text


def record_calls():
    generator = torch.Generator().manual_seed(125)
    data = {"held_lengths": (torch.arange(5)[None] < torch.tensor(LENGTHS)[:, None]).int(), "held_holes": torch.tensor(HOLES).int()}
    lines = [f"  input {name}: i32[3, 5]" for name in data]
    lines += ["  let lengths = held_lengths != 0", "  let holes = held_holes != 0"]
    runs = {}
    for name, (text, shape, states, params, compute) in cases().items():
        slots = {f"{name}_at/x": normal(generator, *shape)}
        slots |= {f"{name}_at_{i}/x": normal(generator, *size) for i, size in enumerate(states)}
        slots |= {f"{name}_of/{path}": normal(generator, *size) * 0.5 for path, size in params.items()}
        out = compute(*slots.values())
        data[f"w_{name}"] = normal(generator, *out.shape).float()
        lines += [f"  input w_{name}: f32{shape_text(data[f'w_{name}'])}",
                  f"  let {name}_in = full({list(shape)}, 0.0) |> held() as {name}_at"]
        lines += [f"  let {name}_in_{i} = full({list(size)}, 0.0) |> held() as {name}_at_{i}" for i, size in enumerate(states)]
        if "(X" in text:
            layer, given = text.split("(X")
            given = given.replace("S0", f"{name}_in_0").replace("S1", f"{name}_in_1")
            lines += [f"  part {name}_of = {layer}", f"  output {name}_out = {name}_of({name}_in{given}"]
        else:
            lines += [f"  output {name}_out = {name}_in |> {text} as {name}_of"]
        lines += [f"  loss {name}_loss = sum(w_{name} * {name}_out)"]
        runs[name] = (slots, compute, f"w_{name}")
    text = HEAD.format(title="Recurrent layers") + helpers() + "model Oracle {\n" + "\n".join(lines)
    write_model("recurrent", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("recurrent", data, runs)


STEPS, BATCH, TIME, INPUTS, UNITS, CLASSES = 20, 4, 9, 5, 7, 3

TRAINED = f"""# Stacked recurrent layers on ragged sequences.
import std.nn

model Oracle {{
  dim batch, time
  input x: f32[batch, time, {INPUTS}]
  input length: i32[batch]
  target y: i32[batch]
  let seen = iota([batch, time], axis = 1) < expand(length, "b -> b t", t = time)
  part below = lstm({UNITS}, return_sequences = true, bidirectional = true)
  part above = gru({UNITS})
  part beside = rnn({UNITS})
  let h = concat([above(below(x, seen), seen), beside(x, seen)], axis = 1)
  let logits = h |> dense({CLASSES}) as head
  output logits
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  train {{
    optimizer = adam(lr = 0.01)
    batch = {BATCH}
    steps = {STEPS}
  }}
}}
"""


def record_training():
    write_model("recurrent_steps", TRAINED)
    generator = torch.Generator().manual_seed(32)
    count = BATCH * STEPS
    x = normal(generator, count, TIME, INPUTS)
    lengths = torch.randint(1, TIME + 1, (count,), generator=generator)
    y = torch.randint(0, CLASSES, (count,), generator=generator)
    shapes = (prefixed("below/forward", sizes("lstm", INPUTS, UNITS)) | prefixed("below/backward", sizes("lstm", INPUTS, UNITS))
              | prefixed("above", sizes("gru", 2 * UNITS, UNITS)) | prefixed("beside", sizes("rnn", INPUTS, UNITS))
              | {"head/kernel": (2 * UNITS, CLASSES), "head/bias": (CLASSES,)})
    initial = {path: normal(generator, *shape) / 3 for path, shape in shapes.items()}

    def logits(p, rows, long):
        def of(path):
            return {key[len(path) + 1:]: value for key, value in p.items() if key.startswith(path + "/")}

        long = long.tolist()
        below, _ = run("lstm", rows, [of("below/forward"), of("below/backward")], lengths=long)
        _, above = run("gru", below, [of("above")], lengths=long)
        _, beside = run("rnn", rows, [of("beside")], lengths=long)
        return torch.cat([above[0], beside[0]], 1) @ p["head/kernel"] + p["head/bias"]

    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).clone().requires_grad_() for path, value in initial.items()}
        inputs = x.to(dtype)
        tensors = {"in/x": x.float(), "in/length": lengths.int(), "in/y": y.int()} | plan([BATCH] * STEPS, 5)
        tensors |= {f"slot/{path}": value.detach().clone() for path, value in p.items()}
        tensors["out/logits"] = logits(p, inputs[:BATCH], lengths[:BATCH])
        optimizer = torch.optim.Adam(p.values(), lr=0.01)
        losses = []
        for rows, long, classes in zip(inputs.split(BATCH), lengths.split(BATCH), y.split(BATCH)):
            optimizer.zero_grad()
            loss = F.cross_entropy(logits(p, rows, long), classes)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors["loss/loss"] = torch.stack(losses)
        tensors |= {f"final/{path}": value for path, value in p.items()}
        tensors["metric/accuracy"] = (logits(p, inputs, lengths).argmax(-1) == y).double().mean()[None]
        write_record("recurrent_steps", precision, tensors)


def record_all():
    record_calls()
    record_training()


if __name__ == "__main__":
    torch.set_num_threads(1)
    record_all()
