"""Numbers that can be followed by hand: one neuron, and a network of 2-2-1 units."""

import torch

from common import PRECISIONS, plan, write_model, write_record

MODEL = """# Numbers that can be followed by hand: 0.690 and 0.686.
import std.nn

model Oracle {
  dim batch
  input a: f32[batch, 3]
  input x: f32[batch, 2]
  output neuron = a |> dense(1, activation = sigmoid) as single
  output network = x |> dense(2, activation = relu) as hidden |> dense(1, activation = sigmoid) as last
}
"""


def record_all():
    write_model("worked", MODEL)
    for precision, dtype in PRECISIONS.items():

        def row(*values):
            return torch.tensor(values, dtype=dtype)

        slots = {
            "single/kernel": row([0.4], [-0.2], [0.7]), "single/bias": row(0.1),
            "hidden/kernel": row([0.4, -0.3], [0.6, 0.9]), "hidden/bias": row(0.1, -0.2),
            "last/kernel": row([0.7], [0.5]), "last/bias": row(0.05),
        }
        inputs = {"in/a": torch.tensor([[0.5, 0.3, 0.8]]), "in/x": torch.tensor([[0.5, 0.8]])}
        a, x = (value.to(dtype) for value in inputs.values())
        neuron = torch.sigmoid(a @ slots["single/kernel"] + slots["single/bias"])
        hidden = torch.relu(x @ slots["hidden/kernel"] + slots["hidden/bias"])
        network = torch.sigmoid(hidden @ slots["last/kernel"] + slots["last/bias"])
        assert abs(neuron.item() - 0.690) < 5e-4 and abs(network.item() - 0.686) < 5e-4
        write_record("worked", precision, inputs | plan([1], 1) | {"out/neuron": neuron, "out/network": network}
                     | {f"slot/{path}": value for path, value in slots.items()})
