"""Losses of sequences: values and gradients."""

import torch
import torch.nn.functional as F

from common import normal, write_model
from items import HEAD, finish, shape_text


def ctc(labels, lengths=None, **options):
    """Our logits [batch, time, classes] through PyTorch's loss; labels are padded with 0, its blank."""
    labels = torch.tensor(labels)

    def compute(x):
        steps = torch.full((x.shape[0],), x.shape[1]) if lengths is None else torch.tensor(lengths)
        return F.ctc_loss(torch.log_softmax(x, -1).transpose(0, 1), labels, steps, (labels != 0).sum(1), **options)

    return compute


LONG = [[1 + (7 * i + i // 3) % 10 for i in range(20)], [1 + (i * i) % 9 for i in range(13)] + [0] * 7]
WORDS = [[1, 2, 2, 3], [4, 4, 4, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
# name: (hyper-parameters, shape of x, scale of x, labels, lengths or None, PyTorch's options)
CASES = {
    "mean": ("", (4, 9, 5), 1, WORDS, None, {}),
    "ragged": ("", (4, 9, 5), 1, WORDS, [9, 7, 1, 4], {}),
    "sum": ("reduction = sum", (4, 9, 5), 1, WORDS, [5, 5, 3, 2], {"reduction": "sum"}),
    "none": ("reduction = none", (4, 9, 5), 3, WORDS, None, {"reduction": "none"}),
    # The second sample needs two blanks between its three labels: five steps.
    "impossible": ("zero_infinity = true", (4, 9, 5), 1, WORDS, [9, 4, 3, 2], {"zero_infinity": True}),
    "long": ("", (2, 60, 11), 1, LONG, [60, 41], {}),
    "extreme": ("", (2, 24, 11), 10, [row[:8] for row in LONG], None, {}),
    "one": ("", (1, 1, 2), 1, [[1]], None, {}),
}


def record_all():
    generator = torch.Generator().manual_seed(41)
    data, lines, cases = {}, [], {}
    for name, (options, shape, scale, labels, lengths, theirs) in CASES.items():
        x = scale * normal(generator, *shape)
        compute = ctc(labels, lengths, **theirs)
        value = compute(x)
        data[f"labels_{name}"] = torch.tensor(labels).int()
        weight = f"w_{name}" if value.ndim else None
        if weight:
            data[weight] = normal(generator, *value.shape).float()
            lines += [f"  input {weight}: f32{shape_text(data[weight])}"]
        given = f"{name}_in, labels_{name}"
        if lengths is not None:
            data[f"lengths_{name}"] = torch.tensor(lengths).int()
            given += f", lengths_{name}"
            lines += [f"  input lengths_{name}: i32[{len(lengths)}]"]
        call = f"ctc({options})({given})" if options else f"ctc({given})"
        lines += [f"  input labels_{name}: i32{shape_text(data[f'labels_{name}'])}",
                  f"  let {name}_in = full({list(shape)}, 0.0) |> held() as {name}",
                  f"  let {name}_value = {call}",
                  f"  loss {name}_loss = {f'sum({weight} * {name}_value)' if weight else f'{name}_value'}",
                  f"  output {name}_out = {name}_value"]
        cases[name] = ({f"{name}/x": x}, compute, weight)
    text = HEAD.format(title="Losses of sequences") + "model Oracle {\n" + "\n".join(lines)
    write_model("sequences", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("sequences", data, cases)


if __name__ == "__main__":
    record_all()
