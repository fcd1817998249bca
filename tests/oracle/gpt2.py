#!/usr/bin/env python3
"""Records ten steps of Adam on one batch of GPT-2: weights and tokens drawn, every step's loss and gradient norms by PyTorch.

    gpt2.py                     the small one: tests/oracle/gpt2
    gpt2.py --large FOLDER      GPT-2 124M, 4 x 64 tokens: 0.5 GB in FOLDER, which gpt2.sh compares

FOLDER/start.safetensors has the weights by our paths, FOLDER/data.safetensors tokens and next, FOLDER/expected.txt a line
`STEP NAME VALUE` for the loss and for the norm of each parameter's gradient.
"""

import argparse
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SMALL = {"layers": 2, "width": 64, "heads": 4, "vocab": 61, "context": 32, "batch": 4, "time": 16}
LARGE = {"layers": 12, "width": 768, "heads": 12, "vocab": 50257, "context": 1024, "batch": 4, "time": 64}
STEPS = 10


def shapes(layers, width, heads, vocab, context, **_):
    norm = {"gamma": (width,), "beta": (width,)}
    sizes = {"tok/weight": (vocab, width), "position_embedding/weight": (context, width)}
    for layer in range(layers):
        block = "transformer_encoder" + (f"_{layer}" if layer else "")
        sizes |= {f"{block}/{name}/{key}": size for name in ("norm_1", "norm_2") for key, size in norm.items()}
        for head in ("query", "key", "value"):
            sizes |= {f"{block}/attend/{head}/kernel": (width, heads, width // heads), f"{block}/attend/{head}/bias": (heads, width // heads)}
        sizes |= {f"{block}/attend/out/kernel": (heads, width // heads, width), f"{block}/attend/out/bias": (width,),
                  f"{block}/forward/wide/kernel": (width, 4 * width), f"{block}/forward/wide/bias": (4 * width,),
                  f"{block}/forward/narrow/kernel": (4 * width, width), f"{block}/forward/narrow/bias": (width,)}
    return sizes | {f"layer_norm/{key}": size for key, size in norm.items()}


def loss_of(p, tokens, following, layers, width, **_):
    def norm(x, path):
        return F.layer_norm(x, (width,), p[f"{path}/gamma"], p[f"{path}/beta"])

    def split(x, path):
        return (torch.einsum("btd,dhk->bthk", x, p[f"{path}/kernel"]) + p[f"{path}/bias"]).transpose(1, 2)

    x = p["tok/weight"][tokens] + p["position_embedding/weight"][: tokens.shape[1]]
    for layer in range(layers):
        block = "transformer_encoder" + (f"_{layer}" if layer else "")
        seen = norm(x, f"{block}/norm_1")
        heads = [split(seen, f"{block}/attend/{name}") for name in ("query", "key", "value")]
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + torch.einsum("bhtk,hkd->btd", mixed, p[f"{block}/attend/out/kernel"]) + p[f"{block}/attend/out/bias"]
        wide = norm(x, f"{block}/norm_2") @ p[f"{block}/forward/wide/kernel"] + p[f"{block}/forward/wide/bias"]
        x = x + F.gelu(wide, approximate="tanh") @ p[f"{block}/forward/narrow/kernel"] + p[f"{block}/forward/narrow/bias"]
    logits = norm(x, "layer_norm") @ p["tok/weight"].T
    return F.cross_entropy(logits.flatten(0, 1), following.flatten())


def record(folder, sizes, dtype):
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(41)
    start = {path: 0.02 * torch.randn(size, generator=generator) + (1.0 if path.endswith("gamma") else 0.0)
             for path, size in shapes(**sizes).items()}
    tokens = torch.randint(0, sizes["vocab"], (sizes["batch"], sizes["time"] + 1), generator=generator)
    data = {"tokens": tokens[:, :-1].contiguous(), "next": tokens[:, 1:].contiguous()}
    save_file(start, folder / "start.safetensors")
    save_file({name: value.int() for name, value in data.items()}, folder / "data.safetensors")
    p = {path: value.to(dtype).requires_grad_() for path, value in start.items()}
    optimizer = torch.optim.Adam(p.values(), lr=1e-4)
    with open(folder / "expected.txt", "w") as out:
        for step in range(1, STEPS + 1):
            optimizer.zero_grad()
            loss = loss_of(p, data["tokens"], data["next"], **sizes)
            loss.backward()
            out.write(f"{step} loss {loss.item():.9g}\n")
            for path, value in p.items():
                if not path.endswith("key/bias"):  # a true gradient of zero: only rounding
                    out.write(f"{step} {path} {value.grad.double().norm().item():.9g}\n")
            optimizer.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", metavar="FOLDER", type=pathlib.Path)
    options = parser.parse_args()
    if options.large:
        record(options.large, LARGE, torch.float32)
    else:
        record(pathlib.Path(__file__).parent / "gpt2", SMALL, torch.float64)
