import { Presets, SingleBar } from 'cli-progress';
import type { Listener, RunEvent } from '../pipeline/events.js';
import { escapeControls, type OutputStream } from './output.js';

type ProgressEvent = Extract<RunEvent, { type: 'progress' }>;

export interface ProgressView {
  listen: Listener;
  /** Takes a running bar off the screen, so that other lines can follow. */
  stop(): void;
}

const LINE_INTERVAL_MS = 5000;

/**
 * Shows a run on a stream: bars on a terminal, plain lines every few seconds elsewhere. Quiet shows notes alone.
 * Every step shows what is done, of how many, how fast, and the time left.
 */
export function createProgress(options: {
  quiet: boolean;
  stream: OutputStream;
  now?: () => number;
}): ProgressView {
  const { stream } = options;
  const now = options.now ?? (() => performance.now());
  const line = (text: string) => stream.write(`${escapeControls(text)}\n`);
  const meter = createMeter(now);
  let bar: SingleBar | undefined;
  /** Labels of the steps that have begun: one may begin within another (the model is loaded within a stage). */
  const labels = new Map<string, string>();
  let metered: string | undefined;
  let lastLine = 0;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  const show = (event: ProgressEvent) => {
    const label = escapeControls(labels.get(event.step) ?? event.step);
    // A step may count facts first and answers then: the speed of one says nothing of the other.
    const counted = `${event.step} ${event.unit}`;
    if (metered !== counted) meter.reset();
    metered = counted;
    const { rate, left } = meter.update(event);
    const count = `${grouped(event.done)}/${grouped(event.total)} ${event.unit}`;
    const parts = [count, event.detail, rate > 0 ? `${shortNumber(rate)}/s` : undefined, left];
    const text = escapeControls(parts.filter((part) => part !== undefined).join(', '));
    if (!stream.isTTY) {
      if (now() - lastLine < LINE_INTERVAL_MS) return;
      lastLine = now();
      line(`${label}: ${text}`);
      return;
    }
    if (!bar) {
      bar = new SingleBar(
        {
          stream: stream as NodeJS.WriteStream,
          format: '{label} {bar} {text}',
          barsize: 20,
          hideCursor: true,
          clearOnComplete: true,
          // The program has its own answer to Ctrl-C.
          gracefulExit: false,
        },
        Presets.shades_classic,
      );
      bar.start(1000, 0, { label: label.padEnd(9), text });
    }
    bar.update(Math.round(1000 * fractionOf(event)), { label: label.padEnd(9), text });
  };
  return {
    stop,
    listen(event) {
      if (event.type === 'note') {
        stop();
        line(event.message);
        return;
      }
      if (options.quiet) return;
      if (event.type === 'progress') return show(event);
      stop();
      if (event.type === 'start') {
        labels.set(event.step, event.label);
        metered = undefined;
        lastLine = now();
        if (!stream.isTTY) line(`${event.label} …`);
      } else if (event.type === 'end') {
        line(`${labels.get(event.step) ?? event.step}: ${event.summary} (${duration(event.seconds)})`);
      } else line(`${event.step}: already there (${event.summary})`);
    },
  };
}

/** Speed and time left of a step. What was there before it was resumed counts for neither. */
export function createMeter(now: () => number): {
  reset(): void;
  update(event: Pick<ProgressEvent, 'done' | 'total' | 'fraction'>): { rate: number; left?: string };
} {
  let began: { time: number; done: number; fraction: number } | undefined;
  return {
    reset: () => {
      began = undefined;
    },
    update(event) {
      const fraction = fractionOf(event);
      began ??= { time: now(), done: event.done, fraction };
      const seconds = (now() - began.time) / 1000;
      const gained = fraction - began.fraction;
      const rate = seconds > 0 ? (event.done - began.done) / seconds : 0;
      if (seconds < 1 || gained <= 0) return { rate };
      return { rate, left: `${duration((seconds * (1 - fraction)) / gained)} left` };
    },
  };
}

function fractionOf({ fraction, done, total }: Pick<ProgressEvent, 'done' | 'total' | 'fraction'>): number {
  return Math.min(1, fraction ?? (total > 0 ? done / total : 1));
}

/** `0.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function shortNumber(value: number): string {
  return value >= 100 ? grouped(value) : value.toPrecision(2);
}
