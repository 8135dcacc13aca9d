/** A llama-server of one's own build, asked for greedy tokens and the log p of the likeliest first tokens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { END } from '../exports-reference.js';

export interface Said {
  tokens: number[];
  /** Token and log p. */
  first: [number, number][];
}

const TOP = 50;
/** Requests that are worked on at the same time. */
export const TOGETHER = 5;

/** Starts the server, lends it to `work`, and ends it. */
export async function withLlamaServer<T>(
  binary: string,
  args: string[],
  work: (ask: (tokens: number[], steps: number, scale?: number) => Promise<Said>) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const exact = ['-ctk', 'f32', '-ctv', 'f32', '-fa', 'off'];
  const own = [
    '--port',
    String(port),
    '-t',
    '1',
    '-np',
    String(TOGETHER),
    '-c',
    '640',
    '--no-warmup',
    ...exact,
  ];
  const child: ChildProcess = spawn(binary, [...args, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const base = `http://127.0.0.1:${port}`;
  try {
    for (let i = 0; ; i++) {
      const ready = await fetch(`${base}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready) break;
      if (i > 240 || child.exitCode !== null) throw new Error(`llama-server does not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return await work(async (prompt, n_predict, scale) => {
      const body = {
        prompt,
        n_predict,
        temperature: 0,
        top_k: 1,
        n_probs: TOP,
        cache_prompt: false,
        return_tokens: true,
        ...(scale !== undefined && { lora: [{ id: 0, scale }] }),
      };
      const response = await fetch(`${base}/completion`, { method: 'POST', body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`llama-server: ${await response.text()}`);
      const { tokens, stop_type, completion_probabilities } = (await response.json()) as {
        tokens: number[];
        stop_type: string;
        completion_probabilities: { top_logprobs: { id: number; logprob: number }[] }[];
      };
      const first = completion_probabilities[0].top_logprobs.map(({ id, logprob }): [number, number] => [
        id,
        logprob,
      ]);
      // The token that ended the text is the last one.
      return { tokens: stop_type === 'eos' ? [...tokens.slice(0, -1), END] : tokens, first };
    });
  } finally {
    child.kill();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
