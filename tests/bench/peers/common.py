"""What peers share: weights and data as the program under test wrote them, and the protocol of tests/bench/step.c."""
import sys
import time


class Options:
    """PEER.py MODE NETWORK:OPTIMIZER:RATE FILE losses COUNT | ... time SECONDS THREADS [VARIANT]"""

    def __init__(self, argv):
        self.mode, both, self.file, self.task = argv[1:5]
        self.network, self.optimizer, rate = both.split(":")
        self.rate = float(rate)
        self.count = int(argv[5]) if self.task == "losses" else 0
        self.seconds = float(argv[5]) if self.task == "time" else 0.0
        self.threads = int(argv[6]) if self.task == "time" else 1
        self.variant = int(argv[7]) if len(argv) > 7 else None


def peak_kb():
    """Memory that the process held at most so far."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def split(arrays):
    """Parameters and inputs: two dicts of arrays."""
    inputs = {name[6:]: a for name, a in arrays.items() if name.startswith("input/")}
    return {name: a for name, a in arrays.items() if not name.startswith("input/")}, inputs


def time_of(step, wait, seconds, least=3):
    """Medians by the clock and in processor time, in seconds a step, over blocks of about 5 ms. `wait` ends what
    `step` only began."""
    begin = time.perf_counter()
    for i in range(3):
        if i == 0 or time.perf_counter() < begin + 0.5:
            step()
            wait()
    begin = time.perf_counter()
    step()
    wait()
    block = int(5e-3 / (time.perf_counter() - begin)) + 1
    wall, cpu = [], []
    begin = time.perf_counter()
    while len(wall) < least or time.perf_counter() < begin + seconds:
        w, c = time.perf_counter(), time.process_time()
        for _ in range(block):
            step()
        wait()
        wall.append((time.perf_counter() - w) / block)
        cpu.append((time.process_time() - c) / block)
    return median(wall), median(cpu)


def run(options, start_kb, make):
    """make() prepares a step, and calls it `loss = step()`; returns (step, wait)."""
    begin = time.perf_counter()
    step, wait = make()
    if options.task == "losses":
        for i in range(options.count):
            print(f"loss {float(step()):.9g}")
            if i == 0:
                print(f"compile_s {time.perf_counter() - begin:.3f}")
        return
    wall, cpu = time_of(step, wait, options.seconds)
    print(f"step_us {wall * 1e6:.3f} {cpu * 1e6:.3f}\nstart_kb {start_kb}\npeak_kb {peak_kb()}")
    sys.stdout.flush()
