/** `hneurons serve` in a process of its own, for benches. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Served {
  url: string;
  child: ChildProcess;
  /** What it printed on stderr. */
  said(): string;
  /** One value of its metrics; 0 when it is not there. */
  metric(name: string): Promise<number>;
  /** Asks it to end; gives the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts it on a free port.
 * @param args options of `hneurons serve`
 * @param apiKey only requests with this key are answered
 */
export async function startServed(args: string[], apiKey?: string): Promise<Served> {
  const env = { ...process.env, ...(apiKey !== undefined && { HNEURONS_API_KEY: apiKey }) };
  const child = spawn(process.execPath, ['bin/hneurons.js', 'serve', '--port', '0', '--json', ...args], {
    env,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  while (!stdout.includes('}')) {
    if (child.exitCode !== null) throw new Error(`hneurons serve did not start: ${stderr}`);
    await sleep(50);
  }
  const { url } = JSON.parse(stdout) as { url: string };
  return {
    url,
    child,
    said: () => stderr,
    async metric(name) {
      const headers: Record<string, string> =
        apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    async stop() {
      if (child.exitCode === null) {
        const closed = once(child, 'close');
        child.kill('SIGTERM');
        await closed;
      }
      return child.exitCode;
    },
  };
}

/** The value below which `part` of the values lie. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
