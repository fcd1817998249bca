"""Records tests/run/weights: a PyTorch network's state_dict, saved by the safetensors package, inputs and what it gives for them.

Run once with Python; the tests need the files alone.
"""

import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent.parent / "run" / "weights"


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.LayerNorm(6), torch.nn.Linear(6, 3))
        self.aux = torch.nn.Linear(6, 2)  # something that the other side does not have

    def forward(self, x):
        return self.layers(x)


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 4, batch_first=True)
        self.gru = torch.nn.GRU(4, 6, batch_first=True)
        self.head = torch.nn.Linear(6, 2)

    def forward(self, x):
        sequence, _ = self.lstm(x)
        _, last = self.gru(sequence)
        return self.head(last[0])


def write_csv(path, header, rows):
    lines = [",".join(f"{value:.9g}" for value in row) for row in rows.tolist()]
    path.write_text("\n".join([header, *lines]) + "\n")


def main():
    torch.manual_seed(7)
    network = Network()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.3 * torch.randn_like(value))
        x = torch.randn(5, 4)
        FOLDER.mkdir(exist_ok=True)
        save_file(network.state_dict(), FOLDER / "torch.safetensors")
        write_csv(FOLDER / "x.csv", "a,b,c,d", x)
        write_csv(FOLDER / "p.csv", "p_0,p_1,p_2", network(x))
        recurrent, sequences = Recurrent(), torch.randn(3, 5, 3)
        state = recurrent.state_dict()
        state["lstm.bias"] = state.pop("lstm.bias_ih_l0") + state.pop("lstm.bias_hh_l0")
        save_file(state, FOLDER / "recurrent.safetensors")
        write_csv(FOLDER / "sequences.csv", ",".join(f"x_{i}" for i in range(15)), sequences.flatten(1))
        write_csv(FOLDER / "last.csv", "p_0,p_1", recurrent(sequences))


if __name__ == "__main__":
    main()
