"""What the oracle's recorders share: a case is a .nnet model and, for each precision, a safetensors file of what PyTorch computed.

Tensors of such a file: in/NAME (samples along the first axis), slot/PATH (values to start from), out/NAME (predictions before
training), loss/NAME (one a step), final/PATH (slots after the last step), metric/NAME (over all samples after training),
plan/batches (sizes, in order) and plan/epoch_steps.
"""

import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
PRECISIONS = {"f32": torch.float32, "f64": torch.float64}


def write_model(name, text):
    folder = HERE / "cases"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.nnet").write_text(text)


def write_record(name, precision, tensors):
    folder = HERE / "records"
    folder.mkdir(exist_ok=True)
    tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    save_file(tensors, folder / f"{name}.{precision}.safetensors")


def plan(batches, epoch_steps):
    return {
        "plan/batches": torch.tensor(batches, dtype=torch.int64),
        "plan/epoch_steps": torch.tensor([epoch_steps], dtype=torch.int64),
    }


def normal(generator, *shape):
    """Standard normal numbers that f32 holds exactly, as f64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float32).double()
