"""The official Python client of OpenAI against a running `hneurons serve` with a detector.

    python3 -m venv venv && venv/bin/pip install openai
    npx hneurons serve --detector DETECTOR --port 8080
    venv/bin/python bench/peers/openai-check.py http://127.0.0.1:8080 [KEY]

Prints one line for each check; exit code 1 when one fails.
"""

import asyncio
import sys

import openai

url = sys.argv[1].rstrip("/")
key = sys.argv[2] if len(sys.argv) > 2 else "none"
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key)
MESSAGES = [{"role": "user", "content": "What is the capital of Peru?"}]
failed = 0


def check(name, good, said=""):
    global failed
    failed += not good
    print(f"{'ok    ' if good else 'FAILED'} {name} {said}")


model = client.models.list().data[0].id
check("models.list", bool(model), model)

whole = client.chat.completions.create(
    model=model, messages=MESSAGES, temperature=0, max_tokens=16, logprobs=True, top_logprobs=3
)
choice = whole.choices[0]
text = choice.message.content
check("chat", choice.finish_reason in ("stop", "length") and text, repr(text))
check("usage", whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens)
content = choice.logprobs.content
check("logprobs", "".join(one.token for one in content) == text and len(content[0].top_logprobs) == 3)
# What this server adds is in model_extra, as any field that the client does not know.
score = (choice.model_extra or {}).get("hneurons")
check("score", score is not None and 0 <= score["probability"] <= 1, f"probability {score and score['probability']}")
check("bytes of tokens", bytes(byte for one in content for byte in one.bytes).decode() == text)

streamed, risks, last, usage = "", [], None, None
with client.chat.completions.create(
    model=model,
    messages=MESSAGES,
    temperature=0,
    max_tokens=16,
    stream=True,
    stream_options={"include_usage": True},
    extra_body={"hneurons": {"alpha": 1}},
) as stream:
    for chunk in stream:
        usage = chunk.usage or usage
        for part in chunk.choices:
            streamed += part.delta.content or ""
            extra = (part.model_extra or {}).get("hneurons")
            if part.finish_reason:
                last = extra
            elif extra:
                risks += extra["tokens"]
check("stream", streamed == text, repr(streamed))
check("stream usage", usage is not None and usage.completion_tokens == whole.usage.completion_tokens)
check("risks as tokens come", last is not None and len(risks) == len(last["tokens"]) > 0, f"{len(risks)} tokens")

several = client.chat.completions.create(model=model, messages=MESSAGES, n=3, seed=5, max_tokens=8)
again = client.chat.completions.create(model=model, messages=MESSAGES, n=3, seed=5, max_tokens=8)
contents = [one.message.content for one in several.choices]
check("n and seed", contents == [one.message.content for one in again.choices] and len(contents) == 3)

old = client.completions.create(model=model, prompt=["1, 2, 3,", "a, b, c,"], max_tokens=4, temperature=0, logprobs=2)
check("completions", len(old.choices) == 2 and len(old.choices[0].logprobs.tokens) == 4, repr(old.choices[0].text))

try:
    client.chat.completions.create(model=model, messages=MESSAGES, temperature=7)
    check("a mistake is an error", False)
except openai.BadRequestError as error:
    check("a mistake is an error", error.param == "temperature", error.message)
try:
    client.chat.completions.create(model="another", messages=MESSAGES)
    check("another model is not found", False)
except openai.NotFoundError as error:
    check("another model is not found", error.code == "model_not_found")


async def together():
    with_async = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key)
    answers = await asyncio.gather(
        *(with_async.chat.completions.create(model=model, messages=MESSAGES, temperature=0, max_tokens=16) for _ in range(8))
    )
    return [one.choices[0].message.content for one in answers]


check("8 at once", asyncio.run(together()) == [text] * 8)
print(f"openai {openai.__version__}, {failed} failed")
sys.exit(failed > 0)
