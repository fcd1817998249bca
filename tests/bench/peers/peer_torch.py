"""PyTorch on the benchmark's networks: peer_torch.py eager|compile NETWORK:OPTIMIZER:RATE FILE losses|time ... (see common.py)."""
import logging
import sys

import common

options = common.Options(sys.argv)
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import torch_families  # noqa: E402
import torch_models  # noqa: E402

START_KB = common.peak_kb()
logging.getLogger("torch").setLevel(logging.ERROR)  # not a word of what it compiles
torch.set_num_threads(options.threads)
OPTIMIZERS = {
    "sgd": lambda p, lr, **how: torch.optim.SGD(p, lr, **how),
    "momentum": lambda p, lr, **how: torch.optim.SGD(p, lr, momentum=0.9, **how),
    "adam": lambda p, lr, **how: torch.optim.Adam(p, lr, **how),
    "adamw": lambda p, lr, **how: torch.optim.AdamW(p, lr, weight_decay=0.1, **how),
}
IMAGES = ("lenet", "resnet20", "resnet50", "vit", "mobilenet", "unet")
CASES = {**torch_models.CASES, **torch_families.CASES}


def prepare(layout, fused, compile_optimizer):
    """A fresh network and its training step."""
    case = options.network
    weights, data = common.split(load_file(options.file))
    net = CASES[case](torch_models.Weights(weights))
    del weights
    label = data.pop(next(n for n in ("y", "label", "next") if n in data)).long()
    inputs = [a.long() if a.dtype == torch.int32 else a for a in data.values()]
    if case in IMAGES and case != "lenet":
        inputs = [torch_models.images_first(inputs[0])]
        inputs = [inputs[0].contiguous(memory_format=layout)]
    if case in ("gcn", "gat"):
        inputs = [data["x"], data["graph"].long()]
    if case in IMAGES:
        net = net.to(memory_format=layout)
    optimizer = OPTIMIZERS[options.optimizer]([p for p in net.parameters() if p.requires_grad], options.rate, **({"fused": True} if fused else {}))
    net.train()

    def loss_of():
        logits = net(*inputs)
        return F.cross_entropy(logits.flatten(0, -2), label.flatten())

    forward = torch.compile(loss_of) if options.mode == "compile" else loss_of
    update = torch.compile(optimizer.step) if compile_optimizer else optimizer.step

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        update()
        return loss.detach()

    return step


def variants():
    """What may be faster depends on the network: the order of axes, and how the optimizer is run."""
    case = options.network
    layouts = (torch.channels_last, torch.contiguous_format) if case in IMAGES else (torch.contiguous_format,)
    few = case in ("tiny", "small", "mlp", "lenet", "lstm", "gcn", "gru", "wave", "gat")
    for layout in layouts:
        yield layout, True, False
        if few:
            yield layout, False, options.mode == "compile"


def make():
    if options.task == "losses":
        return prepare(*next(variants())), lambda: None
    best, chosen, number = None, None, 0
    candidates = list(variants())
    if options.variant is not None:
        return prepare(*candidates[options.variant]), lambda: None
    for i, how in enumerate(candidates):
        step = prepare(*how)
        if len(candidates) == 1:
            return step, lambda: None
        step()
        _, cpu = common.time_of(step, lambda: None, 0.2, least=2)
        if best is None or cpu < best:
            best, chosen, number = cpu, step, i
    print(f"variant {number}")
    return chosen, lambda: None


common.run(options, START_KB, make)
