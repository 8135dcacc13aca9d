"""PEFT adapters and baked checkpoints of small random models of many architectures, against scaling z in PyTorch:

    peft-architectures.py [HNEURONS]

HNEURONS: the command, default bin/hneurons.js of this repository. Needs torch, transformers and peft. Exits with 1 when logits differ by more
than 1e-4, or alpha does nothing.
"""

import json
import os
import subprocess
import sys
import tempfile

import torch
import transformers
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

here = os.path.dirname(os.path.abspath(__file__))
command = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../../bin/hneurons.js")
HIDDEN, FFN, LAYERS = 64, 96, 3
CHOSEN = [(0, 1), (0, 95), (2, 7)]
usual = dict(
    vocab_size=200,
    hidden_size=HIDDEN,
    intermediate_size=FFN,
    num_hidden_layers=LAYERS,
    num_attention_heads=4,
    num_key_value_heads=2,
    pad_token_id=0,
)
grouped = dict(usual, head_dim=16)
plain = {k: v for k, v in usual.items() if k != "num_key_value_heads"}
# With a vision tower, whose layers are not to be touched.
multimodal = dict(
    text_config=grouped,
    vision_config=dict(
        hidden_size=32, intermediate_size=64, num_hidden_layers=LAYERS, num_attention_heads=2, image_size=28, patch_size=14
    ),
    mm_tokens_per_image=4,
)
# model_type, its configuration, GGUF's name of the architecture, where the down projection is
ARCHITECTURES = [
    ("llama", usual, "llama", "mlp.down_proj"),
    ("mistral", usual, "llama", "mlp.down_proj"),
    ("qwen2", usual, "qwen2", "mlp.down_proj"),
    ("qwen3", grouped, "qwen3", "mlp.down_proj"),
    ("gemma2", grouped, "gemma2", "mlp.down_proj"),
    ("gemma3_text", grouped, "gemma3", "mlp.down_proj"),
    ("gemma3", multimodal, "gemma3", "mlp.down_proj"),
    ("phi3", usual, "phi3", "mlp.down_proj"),
    ("olmo2", usual, "olmo2", "mlp.down_proj"),
    ("granite", usual, "granite", "mlp.down_proj"),
    ("stablelm", usual, "stablelm", "mlp.down_proj"),
    ("smollm3", usual, "smollm3", "mlp.down_proj"),
    ("nemotron", usual, "nemotron", "mlp.down_proj"),
    ("starcoder2", usual, "starcoder2", "mlp.c_proj"),
    ("phi", plain, "phi2", "mlp.fc2"),
    ("gpt_neox", plain, "gptneox", "mlp.dense_4h_to_h"),
    (
        "gpt2",
        dict(vocab_size=200, n_embd=HIDDEN, n_inner=FFN, n_layer=LAYERS, n_head=4),
        "gpt2",
        "mlp.c_proj",
    ),
]


def detector(architecture):
    neurons = [{"layer": layer, "index": j, "weight": 1.0} for layer, j in CHOSEN]
    model = dict(name="tiny", sha256="0" * 64, architecture=architecture, layers=LAYERS, ffn=FFN)
    return dict(
        schema="hneurons/detector",
        version=1,
        model=model,
        promptStyle="plain",
        mode="3-vs-1",
        C=1,
        intercept=0,
        neurons=neurons + [{"layer": 1, "index": 1, "weight": -1.0}],
        calibration=dict(slope=1, intercept=0),
        training=dict(samples=8, rows=16, folds=2, grid=[]),
        test=None,
    )


def logits(model):
    with torch.no_grad():
        return model(torch.arange(1, 13)[None]).logits[0]


def scaled(model, target, alpha):
    hooks = []
    for layer in range(LAYERS):
        chosen = [j for at, j in CHOSEN if at == layer]
        name = next(n for n, _ in model.named_modules() if n.endswith(f".{layer}.{target}"))

        def scale(module, inputs, chosen=chosen):
            z = inputs[0].clone()
            z[..., chosen] *= alpha
            return (z, *inputs[1:])

        hooks.append(model.get_submodule(name).register_forward_pre_hook(scale))
    result = logits(model)
    for hook in hooks:
        hook.remove()
    return result


def export(folder, kind, alpha):
    out = os.path.join(folder, f"{kind}-{alpha}")
    args = ["--as", kind, "--detector", f"{folder}/detector.json", "--checkpoint", f"{folder}/model", f"--alpha={alpha}"]
    subprocess.run(["node", command, "export", *args, "--out", out, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return out


failed = False
for model_type, settings, architecture, target in ARCHITECTURES:
    torch.manual_seed(1)
    config = AutoConfig.for_model(model_type, **settings)
    config.get_text_config().initializer_range = 0.3
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        # Biases are zero at first, where there are any.
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                parameter.uniform_(-0.5, 0.5)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(f"{folder}/model")
        with open(f"{folder}/detector.json", "w") as file:
            json.dump(detector(architecture), file)
        before = logits(model)
        figures = []
        for alpha in (0, 3):
            want = scaled(model, target, alpha)
            adapted = PeftModel.from_pretrained(model, export(folder, "peft", alpha)).eval()
            peft = (logits(adapted) - want).abs().max().item()
            model = adapted.unload()
            baked = AutoModelForCausalLM.from_pretrained(
                export(folder, "safetensors-baked", alpha), dtype=torch.float32, attn_implementation="eager"
            ).eval()
            by_file = (logits(baked) - want).abs().max().item()
            moved = (want - before).abs().max().item()
            ok = peft <= 1e-4 and by_file <= 1e-4 and moved > 1e-2
            failed = failed or not ok
            figures.append(f"alpha {alpha}: moved {moved:.2f}, PEFT {peft:.1e}, baked {by_file:.1e}{'' if ok else ' MISS'}")
    print(f"{model_type:12} {'; '.join(figures)}", flush=True)
print(f"transformers {transformers.__version__}")
sys.exit(1 if failed else 0)
