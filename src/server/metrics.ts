import { readFileSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
  /** HTTP requests by route and status. */
  requests: Counter<'route' | 'status'>;
  /** Answers by how they ended: finished, disconnected, stalled, timeout, shutdown, native, failed. */
  answers: Counter<'outcome'>;
  refused: Counter;
  promptTokens: Counter;
  cachedTokens: Counter;
  generatedTokens: Counter;
  firstToken: Histogram;
  duration: Histogram;
}

/** What gauges read when they are asked. */
export interface Gauges {
  inside(): number;
  active(): number;
  ready(): boolean;
  restarts(): number;
  pid(): number | undefined;
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** The metrics of one server, in a registry of its own. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Counter<T>({ name: `hneurons_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new Histogram({ name: `hneurons_${name}`, help, buckets: SECONDS, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `hneurons_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('answers_inside', 'Answers that are being written or wait', gauges.inside);
  gauge('native_active', 'Answers in the native process, running or waiting', gauges.active);
  gauge('native_up', '1 while the native process is there', () => Number(gauges.ready()));
  gauge('native_restarts', 'How often the native process was started again', gauges.restarts);
  gauge('native_resident_memory_bytes', 'Resident memory of the native process (Linux; else 0)', () =>
    residentBytes(gauges.pid()),
  );
  return {
    registry,
    requests: counter('http_requests_total', 'HTTP requests answered', ['route', 'status']),
    answers: counter('answers_total', 'Answers by how they ended', ['outcome']),
    refused: counter('queue_refused_total', 'Requests refused because the queue was full'),
    promptTokens: counter('prompt_tokens_total', 'Tokens of prompts'),
    cachedTokens: counter('cached_tokens_total', 'Tokens of prompts that a kept prefix saved'),
    generatedTokens: counter('generated_tokens_total', 'Tokens that were generated'),
    firstToken: histogram('first_token_seconds', 'Time until the first token, waiting included'),
    duration: histogram('answer_seconds', 'Time of a whole answer, waiting included'),
  };
}

const PAGE_BYTES = 4096;

function residentBytes(pid: number | undefined): number {
  if (pid === undefined || process.platform !== 'linux') return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
