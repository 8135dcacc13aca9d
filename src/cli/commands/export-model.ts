import { readGguf } from '../../engine/gguf/read.js';
import { UserError } from '../../errors.js';
import { writeGgufAdapter } from '../../export/adapter-gguf.js';
import { type Baked, bakedFiles, bakeGguf } from '../../export/bake-gguf.js';
import { bakeSafetensors } from '../../export/bake-safetensors.js';
import { checkCheckpoint } from '../../export/checkpoint.js';
import { listFiles, writeNeuronList } from '../../export/neuron-list.js';
import { writePeftAdapter } from '../../export/peft.js';
import { checkTarget } from '../../export/target.js';
import { checkDetectorModel, type Detector, readDetector, requireHNeurons } from '../../pipeline/detector.js';
import type { Listener } from '../../pipeline/events.js';
import { identifyModel } from '../../pipeline/run.js';
import { formatFixed } from '../../report/format.js';
import { DEFAULT_MODEL, type OutputOptions } from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';

export type Kind = 'gguf-lora' | 'peft' | 'gguf-baked' | 'safetensors-baked' | 'neurons';

export interface ExportModelFlags extends OutputOptions {
  as: Kind;
  detector?: string;
  alpha?: number;
  model?: string;
  checkpoint?: string;
  out?: string;
  force?: boolean;
}

interface Result {
  as: Kind;
  out: string;
  files: string[];
  /** How many H-Neurons are in it. */
  neurons: number;
  alpha?: number;
  rank?: number;
  method?: string;
  bytes?: number;
  rounding?: number;
}

/** From here on the stored scales are so coarse that it is worth saying: twice what BF16 has as a matter of course. */
const COARSE = 2 ** -8;

/** `hneurons export --as`: the intervention for other engines. */
export async function runExportModel(session: Session, flags: ExportModelFlags): Promise<void> {
  const { as, out } = flags;
  checkFlags(flags);
  const detector = await readDetector(flags.detector!);
  const result = await withProgress(session, flags, async (emit) => {
    const began = performance.now();
    emit({ type: 'start', step: 'export', label: `export ${as}` });
    const done = await exportAs(session, flags, detector, emit);
    emit({ type: 'end', step: 'export', seconds: (performance.now() - began) / 1000, summary: out! });
    return done;
  });
  if (flags.json) session.stdout.write(`${JSON.stringify(result)}\n`);
  else session.stdout.write(describe(result));
}

function checkFlags({ as, detector, alpha, checkpoint, model, out }: ExportModelFlags): void {
  const wrong = (message: string) => new UserError(message, { exitCode: 2 });
  if (detector === undefined)
    throw wrong(`export --as ${as} needs --detector FILE, the detector.json of a run`);
  if (out === undefined) throw wrong('export needs --out PATH, where to write');
  const takesAlpha = as !== 'neurons';
  if (takesAlpha && as !== 'gguf-lora' && alpha === undefined) {
    throw wrong(
      `export --as ${as} needs --alpha A, the factor for the H-Neurons (0 switches them off, 2 doubles them)`,
    );
  }
  if (!takesAlpha && alpha !== undefined)
    throw wrong('--alpha means nothing for a list of neurons; leave it out');
  const takesCheckpoint = as === 'peft' || as === 'safetensors-baked';
  if (!takesCheckpoint && checkpoint !== undefined) {
    throw wrong(`export --as ${as} is made from a GGUF model (--model), not from a --checkpoint`);
  }
  if (checkpoint !== undefined && model !== undefined) {
    throw wrong('give either --model or --checkpoint, not both');
  }
  if (as === 'safetensors-baked' && checkpoint === undefined) {
    throw wrong('export --as safetensors-baked needs --checkpoint FOLDER, the original model');
  }
  if (as === 'neurons' && model !== undefined)
    throw wrong('a list of neurons needs no --model; leave it out');
}

async function exportAs(
  session: Session,
  flags: ExportModelFlags,
  detector: Detector,
  emit: Listener,
): Promise<Result> {
  const { as, alpha, checkpoint } = flags;
  const out = flags.out!;
  const force = flags.force ?? false;
  const inputs = [flags.detector!];
  const weights = detector.neurons.map(({ weight }) => weight);
  const common = { as, out, neurons: weights.filter((weight) => weight > 0).length, alpha };
  if (as === 'neurons') {
    const { json, csv } = listFiles(out);
    checkTarget([json, csv], { kind: 'file', inputs, force });
    await writeNeuronList(detector, out);
    return { ...common, files: [json, csv] };
  }
  // Refused here, before a model is looked for or downloaded.
  requireHNeurons(detector);
  if (checkpoint !== undefined) {
    await checkCheckpoint(checkpoint, detector, force);
    checkTarget([out], { kind: 'folder', inputs: [...inputs, checkpoint], force });
    if (as === 'peft') {
      const { rank } = await writePeftAdapter({ weights: checkpoint, detector, alpha: alpha!, out });
      return { ...common, files: [out], rank };
    }
    const onProgress = (done: number, total: number) =>
      emit({ type: 'progress', step: 'export', done, total, unit: 'files' });
    const baked = await bakeSafetensors({
      checkpoint,
      detector,
      alpha: alpha!,
      out,
      signal: session.signal,
      onProgress,
    });
    return warned({ ...common, ...baked }, emit);
  }
  const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
  const { identity } = await identifyModel(found, session.environment, session.signal);
  checkDetectorModel(detector, identity, force);
  const { files: parts } = await readGguf(found.path);
  inputs.push(...parts);
  if (as === 'peft') {
    checkTarget([out], { kind: 'folder', inputs, force });
    const { rank } = await writePeftAdapter({ weights: found.path, detector, alpha: alpha!, out });
    return { ...common, files: [out], rank };
  }
  if (as === 'gguf-lora') {
    checkTarget([out], { kind: 'file', inputs, force });
    await writeGgufAdapter({ model: found.path, detector, alpha, out });
    return { ...common, files: [out] };
  }
  checkTarget(bakedFiles(out, parts.length), { kind: 'file', inputs, force });
  const baked = await bakeGguf({
    model: found.path,
    detector,
    alpha: alpha!,
    out,
    signal: session.signal,
    onProgress: (done, total) =>
      emit({ type: 'progress', step: 'export', done: done / 1e6, total: total / 1e6, unit: 'MB' }),
  });
  return warned({ ...common, ...baked }, emit);
}

function warned<T extends Baked>(result: T, emit: Listener): T {
  if (result.rounding > COARSE) {
    emit({
      type: 'note',
      message:
        `the file stores its scales so coarsely that a neuron is off alpha by up to ${formatFixed(100 * result.rounding, 1)} %; ` +
        '--as gguf-lora has no such error',
    });
  }
  return result;
}

function describe({ as, out, files, neurons, alpha, rank, method, rounding }: Result): string {
  const what = `${neurons} H-Neuron${neurons === 1 ? '' : 's'}`;
  switch (as) {
    case 'neurons':
      return `${files.join(' and ')}: the detector's neurons, ${what} among them\n`;
    case 'gguf-lora':
      return alpha === undefined
        ? `${out}: adapter of ${what}; its scale is alpha - 1, so for alpha 2: llama-server -m MODEL.gguf --lora-scaled ${out}:1\n`
        : `${out}: adapter of ${what} at alpha ${alpha}; load it with scale 1: llama-server -m MODEL.gguf --lora ${out}\n`;
    case 'peft':
      return `${out}: adapter of ${what} at alpha ${alpha}, rank ${rank}: vllm serve MODEL --enable-lora --max-lora-rank ${rank} --lora-modules h=${out}\n`;
    default:
      return `${as === 'gguf-baked' ? files.join(', ') : out}: ${what} at alpha ${alpha} (${method}; largest rounding ${formatFixed(100 * rounding!, 2)} %)\n`;
  }
}
