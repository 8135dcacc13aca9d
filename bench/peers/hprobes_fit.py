"""hprobes' fit_from_responses as it is, watched:  hprobes_fit.py CHECKPOINT SAMPLES.jsonl OUT --batch 1 --threads 1 --C 1

Times its forward passes and its fit, keeps what they took and gave, and prints one line of JSON. Files in OUT (with --keep):
sequences.jsonl (token ids, the answer span that it chose, where the response begins), answer.npy, other.npy, rows.npy (training rows),
coef.npy, intercept.npy.
"""

import argparse
import contextlib
import json
import os
import resource
import sys
import time

import numpy as np
import torch
import hprobes.probe as probe_module
from hprobes import HProbes
from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("samples")
parser.add_argument("out")
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--keep", action="store_true")
args = parser.parse_args()
torch.set_num_threads(args.threads)

seconds = {"forward": 0.0, "fit": 0.0, "fit_cpu": 0.0}
sequences, answers, others, fits = [], [], [], []


def watched(name, inner):
    def call(*a, **k):
        start = time.perf_counter()
        result = inner(*a, **k)
        seconds[name] += time.perf_counter() - start
        return result

    return call


single, batched = probe_module.forward_cett_dual_span, probe_module.forward_cett_dual_span_batch
timed_single, timed_batched = watched("forward", single), watched("forward", batched)


def keep(ids, start, end, answer, other):
    if args.keep:
        sequences.append({"token_ids": ids, "answer_start": start, "answer_end": end})
        answers.append(answer.numpy().copy())
        others.append(other.numpy().copy())


def one(model, tokens, start, end, *rest):
    answer, other = timed_single(model, tokens, start, end, *rest)
    keep(tokens["input_ids"][0].tolist(), start, end, answer, other)
    return answer, other


def many(model, tokens, spans, *rest):
    answer, other = timed_batched(model, tokens, spans, *rest)
    for i, (start, end) in enumerate(spans):
        length = int(tokens["attention_mask"][i].sum())
        keep(tokens["input_ids"][i, :length].tolist(), start, end, answer[i], other[i])
    return answer, other


class Watched(probe_module.LogisticRegression):
    def fit(self, X, y, *rest):
        start, cpu = time.perf_counter(), time.process_time()
        result = super().fit(X, y, *rest)
        seconds["fit"] += time.perf_counter() - start
        seconds["fit_cpu"] += time.process_time() - cpu
        fits.append((X.shape, self))
        return result


probe_module.forward_cett_dual_span, probe_module.forward_cett_dual_span_batch = one, many
probe_module.LogisticRegression = Watched
train_rows = []
split = probe_module.train_test_split


def remembered_split(*a, **k):
    result = split(*a, **k)
    train_rows.append(result[0])
    return result


probe_module.train_test_split = remembered_split

start = time.perf_counter()
tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
model = AutoModelForCausalLM.from_pretrained(args.checkpoint, dtype=torch.float32).eval()
seconds["load"] = time.perf_counter() - start
with open(args.samples) as file:
    samples = [json.loads(line) for line in file]
hprobes = HProbes(model, tokenizer, l1_C=args.C, batch_size=args.batch)
start, cpu = time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(sys.stderr):
    hprobes.fit_from_responses(samples)
seconds["extract"] = time.perf_counter() - start - seconds["fit"]
seconds["extract_cpu"] = time.process_time() - cpu - seconds["fit_cpu"]
shape, classifier = fits[-1]
if args.keep:
    os.makedirs(args.out, exist_ok=True)
    for sample, sequence in zip(samples, sequences):
        asked = [{"role": "user", "content": sample["question"]}]
        prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        sequence["response_start"] = len(tokenizer(prompt)["input_ids"])
    with open(os.path.join(args.out, "sequences.jsonl"), "w") as file:
        file.writelines(json.dumps(sequence) + "\n" for sequence in sequences)
    coef = np.zeros(hprobes._n_features)
    coef[hprobes._top_k_idx] = classifier.coef_[0]
    arrays = {
        "answer": np.stack(answers),
        "other": np.stack(others),
        "rows": np.array(sorted(train_rows[-1]), dtype=np.int64),
        "coef": coef,
        "intercept": np.array(classifier.intercept_, dtype=np.float64),
    }
    for name, array in arrays.items():
        np.save(os.path.join(args.out, f"{name}.npy"), array)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({**seconds, "peak": peak, "rows": shape[0], "neurons": hprobes.n_neurons_, "samples": len(samples)}))
