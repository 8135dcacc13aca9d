"""Makes test/drift/golden.json: drift and its statistics by numpy and scipy, independent of the program.

    pip install numpy scipy gguf
    python bench/drift-golden.py test/drift/golden.json

Weights come from an integer hash, so that the test can make the very same files without shipping them.
"""
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType, dequantize, quantize
from scipy import stats

LAYERS, FFN, HIDDEN = 3, 96, 64
WIDE = 256  # neurons and width of the one layer whose formats have blocks of 256 weights
PARTS = {"up": 1, "gate": 2, "down": 3}
MASK = np.uint64(0xFFFFFFFF)


def noise(seed, count):
    """Uniform in [-.5, .5): the finaliser of MurmurHash3 over a counter."""
    x = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed * 40503)) & MASK
    for shift, factor in ((16, 2246822519), (13, 3266489917)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & MASK
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2**32 - 0.5


def amount(layer, j):
    """How far neuron j of a layer is moved: every seventh hardly at all, deeper layers more."""
    return 0.02 if j % 7 == 0 else 0.1 + 0.1 * layer + 0.3 * (j / FFN)


def pair(layer, part):
    shape = (HIDDEN, FFN) if part == "down" else (FFN, HIDDEN)
    seed = 100 * layer + PARTS[part]
    base = noise(seed, FFN * HIDDEN).astype(np.float32).reshape(shape)
    step = noise(seed + 5000, FFN * HIDDEN).astype(np.float32).reshape(shape)
    scale = np.array([amount(layer, j) for j in range(FFN)], dtype=np.float32)
    moved = base + (step * scale if part == "down" else step * scale[:, None])
    return base, moved.astype(np.float32)


def bf16(x):
    bits = x.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def through(kind):
    def apply(x):
        x = np.ascontiguousarray(x)
        return dequantize(quantize(x, kind), kind)
    return apply


# Blocks of 256 weights can be read by this package but not made: they are filled with hashed bits, but for their half floats.
# Bytes of a block, and where its half floats lie.
BLOCKS = {
    "Q2_K": (84, (80, 82)),
    "Q3_K": (110, (108,)),
    "Q4_K": (144, (0, 2)),
    "Q5_K": (176, (0, 2)),
    "Q6_K": (210, (208,)),
    "IQ4_XS": (136, (0,)),
    "IQ2_XXS": (66, (0,)),
}


def block_bytes(name, seed, moved):
    """WIDE rows of one block each: of row j of the second matrix, j / 256 of the bytes are others."""
    size, halves = BLOCKS[name]
    blocks = np.floor((noise(seed, WIDE * size) + 0.5) * 256).astype(np.uint8).reshape(WIDE, size)
    if moved:
        others = np.floor((noise(seed + 5000, WIDE * size) + 0.5) * 256).astype(np.uint8).reshape(WIDE, size)
        changed = noise(seed + 9000, WIDE * size).reshape(WIDE, size) + 0.5 < np.arange(WIDE)[:, None] / WIDE
        blocks = np.where(changed, others, blocks)
    for at in halves:
        blocks[:, at : at + 2] = np.array([0.01 / (at + 1)], dtype=np.float16).view(np.uint8)
    return blocks


FORMATS = {
    "F32": lambda x: x,
    "F16": lambda x: x.astype(np.float16).astype(np.float32),
    "BF16": bf16,
    "Q8_0": through(GGMLQuantizationType.Q8_0),
    **{name: through(GGMLQuantizationType[name]) for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1")},
}


def drift(a, b, axis):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return 1 - (a * b).sum(axis) / (np.linalg.norm(a, axis=axis) * np.linalg.norm(b, axis=axis))


def zscore(x):
    return (x - x.mean()) / x.std()


golden = {"layers": LAYERS, "ffn": FFN, "hidden": HIDDEN, "formats": {}}
for name, convert in FORMATS.items():
    found = {part: [] for part in PARTS}
    for layer in range(LAYERS):
        for part in PARTS:
            a, b = (convert(x) for x in pair(layer, part))
            found[part].append(drift(a, b, 0 if part == "down" else 1))
    golden["formats"][name] = {part: [float(f"{v:.9g}") for v in np.concatenate(d)] for part, d in found.items()}

golden["blocks"] = {}
for name in BLOCKS:
    found = {}
    for part in ("up", "down"):
        a, b = (dequantize(block_bytes(name, PARTS[part], moved), GGMLQuantizationType[name]) for moved in (False, True))
        found[part] = [float(f"{v:.9g}") for v in drift(a, b, 0 if part == "down" else 1)[::4]]
    golden["blocks"][name] = found

up, down = (np.array(golden["formats"]["F32"][part]) for part in ("up", "down"))
score = (zscore(up) + zscore(down)) / 2
rank = (len(score) - stats.rankdata(score)) / (len(score) - 1)
norms = [np.stack([np.linalg.norm(pair(layer, part)[0].astype(np.float64), axis=0 if part == "down" else 1)
                   for layer in range(LAYERS)]) for part in ("up", "down")]
residual = []
for layer in range(LAYERS):
    own = slice(layer * FFN, (layer + 1) * FFN)
    response = (zscore(np.log(up[own])) + zscore(np.log(down[own]))) / 2
    design = np.column_stack([np.ones(FFN)] + [np.log(n[layer]) for n in norms])
    residual.append(response - design @ np.linalg.lstsq(design, response, rcond=None)[0])


def tests(marked):
    mine, others = rank[marked], np.delete(rank, marked)
    welch = stats.ttest_ind(mine, others, equal_var=False, alternative="greater")
    mw = stats.mannwhitneyu(mine, others, alternative="greater", method="asymptotic")
    pooled = np.sqrt(((len(mine) - 1) * mine.var(ddof=1) + (len(others) - 1) * others.var(ddof=1)) / (len(rank) - 2))
    interval = stats.t.interval(0.95, len(mine) - 1, mine.mean(), stats.sem(mine))
    return {
        "marked": marked,
        "meanRank": float(mine.mean()), "low": float(interval[0]), "high": float(interval[1]),
        "othersMeanRank": float(others.mean()),
        "welch": {"t": float(welch.statistic), "degrees": float(welch.df), "p": float(welch.pvalue)},
        "mannWhitney": {"u": float(mw.statistic), "p": float(mw.pvalue)},
        "d": float((mine.mean() - others.mean()) / pooled),
    }


golden["statistics"] = {
    "rank": [float(f"{v:.9g}") for v in rank],
    # Neurons that hardly moved; some of them among others; any neurons of the first layer, which moved least; of the last.
    "tests": [
        tests([layer * FFN + j for layer in range(LAYERS) for j in range(0, FFN, 14)]),
        tests(list(range(0, LAYERS * FFN, 10))),
        tests(list(range(3, FFN, 19))),
        tests(list(range(2 * FFN + 1, 3 * FFN, 8))),
    ],
    "residual": [float(f"{v:.10g}") for v in np.concatenate(residual)[::5]],
}
json.dump(golden, open(sys.argv[1], "w"), separators=(",", ":"))
print("wrote", sys.argv[1])
for found in golden["statistics"]["tests"]:
    print({name: found[name] for name in ("meanRank", "welch", "mannWhitney")})
