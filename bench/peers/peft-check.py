"""Greedy tokens and logits of prompts, by transformers, with a PEFT adapter where one is named:

    peft-check.py CHECKPOINT ITEMS.json OUT [ADAPTER]

ITEMS: {"steps": n, "items": [[token, ...], ...], "ends": [token, ...]}. Writes OUT.json (the tokens of each item; -1 for the first of "ends", the last)
and OUT.npy (float32 logits after each prompt). Prompts of the same length go through the model together, without padding.
"""

import json
import sys
from collections import defaultdict

import numpy as np
import torch
from transformers import AutoModelForCausalLM

checkpoint, items_path, out, *adapter = sys.argv[1:]
torch.set_num_threads(1)
with open(items_path) as file:
    task = json.load(file)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager")
if adapter:
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, adapter[0])
model.eval()

by_length = defaultdict(list)
for i, tokens in enumerate(task["items"]):
    by_length[len(tokens)].append(i)
said = [[] for _ in task["items"]]
logits = [None] * len(task["items"])
with torch.no_grad():
    for indices in by_length.values():
        ids = torch.tensor([task["items"][i] for i in indices])
        past = None
        for step in range(task["steps"]):
            output = model(ids, past_key_values=past, use_cache=True)
            past = output.past_key_values
            last = output.logits[:, -1]
            if step == 0:
                for i, row in zip(indices, last):
                    logits[i] = row.numpy().copy()
            ids = last.argmax(-1, keepdim=True)
            for i, token in zip(indices, ids[:, 0].tolist()):
                said[i].append(token)
ends = set(task["ends"])
for i, tokens in enumerate(said):
    for at, token in enumerate(tokens):
        if token in ends:
            said[i] = tokens[:at] + [-1]
            break
with open(out + ".json", "w") as file:
    json.dump(said, file)
np.save(out + ".npy", np.stack(logits).astype(np.float32))
