"""The benchmark's networks in JAX: functions of the weights, by their names, and the inputs. Images are NHWC, kernels HWIO."""
import jax
import jax.numpy as jnp


def dense(w, name, x):
    return x @ w[name + "/kernel"] + w[name + "/bias"]


def mlp(activation):
    def forward(w, x):
        names = sorted({name.split("/")[0] for name in w})
        for name in names[:-1]:
            x = activation(dense(w, name, x))
        return dense(w, names[-1], x)

    return forward


def conv(w, name, x, stride=1, padding=0):
    y = jax.lax.conv_general_dilated(x, w[name + "/kernel"], (stride, stride), [(padding, padding)] * 2,
                                     dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + w[name + "/bias"] if name + "/bias" in w else y


def max_pool(x, size, stride, padding=0):
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, size, size, 1), (1, stride, stride, 1), pads)


def unit(w, name, x, stride=1, padding=0):
    x = conv(w, name + "/conv2d", x, stride, padding)
    mean = jnp.mean(x, (0, 1, 2))
    variance = jnp.mean(jnp.square(x - mean), (0, 1, 2))
    return (x - mean) * (w[name + "/batch_norm/gamma"] * jax.lax.rsqrt(variance + 1e-5)) + w[name + "/batch_norm/beta"]


def lenet(w, image):
    x = image.astype(jnp.float32)[..., None] / 255.0
    x = max_pool(jax.nn.relu(conv(w, "features/conv_1", x, 1, 2)), 2, 2)
    x = max_pool(jax.nn.relu(conv(w, "features/conv_2", x)), 2, 2)
    x = x.reshape(x.shape[0], -1)
    x = jax.nn.relu(dense(w, "head/dense", x))
    return dense(w, "head/dense_2", jax.nn.relu(dense(w, "head/dense_1", x)))


def resnet20(w, image):
    x = jax.nn.relu(unit(w, "unit", image, 1, 1))
    for i in range(9):
        name = "block" + (f"_{i}" if i else "")
        stride = 2 if i in (3, 6) else 1
        y = unit(w, name + "/unit_1", jax.nn.relu(unit(w, name + "/unit", x, stride, 1)), 1, 1)
        x = jax.nn.relu(y + (unit(w, name, x, stride) if stride == 2 else x))
    return dense(w, "dense", x.mean((1, 2)))


def resnet50(w, image):
    x = max_pool(jax.nn.relu(unit(w, "unit", image, 2, 3)), 3, 2, 1)
    for i in range(16):
        name = "bottleneck" + (f"_{i}" if i else "")
        stride = 2 if i in (3, 7, 13) else 1
        y = jax.nn.relu(unit(w, name + "/unit", x))
        y = jax.nn.relu(unit(w, name + "/unit_1", y, stride, 1))
        skip = unit(w, name + "/unit_3", x, stride) if i in (0, 3, 7, 13) else x
        x = jax.nn.relu(unit(w, name + "/unit_2", y) + skip)
    return dense(w, "dense", x.mean((1, 2)))


def lstm(w, x):
    units = w["lstm/recurrent"].shape[0]
    u = w["lstm/recurrent"].reshape(units, -1)
    given = x @ w["lstm/kernel"].reshape(x.shape[-1], -1) + w["lstm/bias"].reshape(-1)  # of all steps at once

    def step(carry, xt):
        h, c = carry
        i, f, g, o = jnp.split(xt + h @ u, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[0], units))
    _, states = jax.lax.scan(step, (zero, zero), given.swapaxes(0, 1))
    return dense(w, "dense", states.mean(0))


def layer_norm(w, name, x):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5) * w[name + "/gamma"] + w[name + "/beta"]


def gpt_block(w, name, x):
    length = x.shape[1]
    y = layer_norm(w, name + "/layer_norm", x)
    q, k, v = (jnp.einsum("btd,dhk->bhtk", y, w[f"{name}/attention/{n}/kernel"]) + w[f"{name}/attention/{n}/bias"][:, None]
               for n in ("query", "key", "value"))
    scores = jnp.einsum("bhtk,bhsk->bhts", q, k) * q.shape[-1] ** -0.5
    scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
    y = jnp.einsum("bhts,bhsk->bthk", jax.nn.softmax(scores), v)
    x = x + jnp.einsum("bthk,hkd->btd", y, w[name + "/attention/out/kernel"]) + w[name + "/attention/out/bias"]
    y = dense(w, name + "/dense", layer_norm(w, name + "/layer_norm_1", x))
    return x + dense(w, name + "/dense_1", jax.nn.gelu(y, approximate=True))


def gpt(w, tokens):
    blocks = len({name.split("/")[1] for name in w if name.startswith("body/block")})
    x = w["words/weight"][tokens] + w["places/weight"][: tokens.shape[1]]
    for i in range(blocks):
        x = gpt_block(w, "body/block" + (f"_{i}" if i else ""), x)
    return layer_norm(w, "body/layer_norm", x) @ w["words/weight"].T


def gcn(w, x, graph):
    source, target = graph[:, 0], graph[:, 1]
    degree = jnp.ones(x.shape[0]).at[target].add(1.0)
    share = jax.lax.rsqrt(degree[source] * degree[target])

    def layer(name, x):
        h = x @ w[name + "/kernel"]
        return (h / degree[:, None]).at[target].add(h[source] * share[:, None]) + w[name + "/bias"]

    return layer("second", jax.nn.relu(layer("first", x)))


CASES = {
    "tiny": mlp(jax.nn.relu),
    "small": mlp(jnp.tanh),
    "mlp": mlp(jax.nn.relu),
    "lenet": lenet,
    "resnet20": resnet20,
    "resnet50": resnet50,
    "lstm": lstm,
    "gpt": gpt,
    "gcn": gcn,
}
