"""JAX on the benchmark's networks, the whole step with its optimizer in one jit, state donated: peer_jax.py jit NETWORK:OPTIMIZER:RATE FILE
losses|time ... (see common.py). Weights are used as the program under test keeps them."""
import os
import sys

import common

options = common.Options(sys.argv)
if options.threads == 1:  # XLA's pools follow the processors that the process may use
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

import jax_families  # noqa: E402
import jax_models  # noqa: E402

START_KB = common.peak_kb()


def sgd(lr):
    return lambda p: (), lambda p, g, s, t: (p - lr * g, s)


def momentum(lr, share):
    def update(p, g, s, t):
        v = share * s + g
        return p - lr * v, v

    return jnp.zeros_like, update


def adam(lr, decay=0.0):
    def update(p, g, s, t):
        m, v = 0.9 * s[0] + 0.1 * g, 0.999 * s[1] + 0.001 * g * g
        rate, scale = lr / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
        return (1 - lr * decay) * p - rate * m / (scale * jnp.sqrt(v) + 1e-8), (m, v)

    return lambda p: (jnp.zeros_like(p), jnp.zeros_like(p)), update


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": lambda lr: momentum(lr, 0.9),
    "adam": adam,
    "adamw": lambda lr: adam(lr, 0.1),
}


def make():
    case = options.network
    weights, data = common.split(load_file(options.file))
    label = jnp.asarray(data.pop(next(n for n in ("y", "label", "next") if n in data)))
    inputs = {name: jnp.asarray(a) for name, a in data.items()}
    weights = {name: jnp.array(a) for name, a in weights.items()}
    del data
    start, update = OPTIMIZERS[options.optimizer](options.rate)
    state = {"w": weights, "s": {n: start(w) for n, w in weights.items()}, "t": jnp.float32(0)}
    forward = {**jax_models.CASES, **jax_families.CASES}[case]

    def loss_of(w, inputs, label):
        logits = forward(w, **inputs)
        picked = jnp.take_along_axis(logits, label[..., None], -1)[..., 0]
        return jnp.mean(jax.nn.logsumexp(logits, -1) - picked)

    def whole(state, inputs, label):
        loss, grads = jax.value_and_grad(loss_of)(state["w"], inputs, label)
        t = state["t"] + 1
        moved = {n: update(w, grads[n], state["s"][n], t) for n, w in state["w"].items()}
        return {"w": {n: m[0] for n, m in moved.items()}, "s": {n: m[1] for n, m in moved.items()}, "t": t}, loss

    compiled = jax.jit(whole, donate_argnums=0)
    holder = [state, None]

    def step():
        holder[0], holder[1] = compiled(holder[0], inputs, label)
        return holder[1]

    return step, lambda: jax.block_until_ready(holder[0])


common.run(options, START_KB, make)
