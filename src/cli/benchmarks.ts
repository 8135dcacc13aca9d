import { basename, extname } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { UserError } from '../errors.js';
import type { Benchmark } from '../intervene/types.js';
import { type JudgeSpec, parseJudgeSpec } from '../judge/spec.js';
import type { Listener } from '../pipeline/events.js';
import { findDataset, type Session } from './session.js';
import type { Steered } from './steered.js';

const BUILT_IN = ['counterfactual', 'false-premise', 'doubt'] as const;
/** Whether a benchmark takes a file: it must, or it may. */
const WITH_FILE = { falseqa: true, faitheval: true, jailbreak: true, sycophancy: false } as const;

export interface ChosenBenchmark {
  kind: (typeof BUILT_IN)[number] | keyof typeof WITH_FILE;
  file?: string;
}

/** Reads a list such as `counterfactual,falseqa=FILE`. */
export function benchmarkSpecs(text: string): ChosenBenchmark[] {
  const chosen = text.split(',').map((part): ChosenBenchmark => {
    const [name, ...rest] = part.trim().split('=');
    const file = rest.length > 0 ? rest.join('=') : undefined;
    const builtIn = BUILT_IN.find((one) => one === name);
    if (builtIn && file === undefined) return { kind: builtIn };
    const kind = (Object.keys(WITH_FILE) as (keyof typeof WITH_FILE)[]).find((one) => one === name);
    if (!kind) {
      throw new InvalidArgumentError(
        `"${name}" is no benchmark. There are ${[...BUILT_IN, ...Object.keys(WITH_FILE)].join(', ')}.`,
      );
    }
    if (WITH_FILE[kind] && !file) throw new InvalidArgumentError(`${kind} needs its file: ${kind}=FILE.`);
    return { kind, file };
  });
  const names = chosen.map(({ kind }) => kind);
  if (new Set(names).size < names.length) throw new InvalidArgumentError('Each benchmark only once.');
  return chosen;
}

/**
 * Reads a list of sets of plain questions. The facts are always asked, so they need not be among them.
 * @returns specs of further sets, as `openDataset` takes them
 */
export function scoreSpecs(text: string): string[] {
  const specs = text.split(',').map((part) => part.trim());
  const names = ['facts', ...specs.filter((spec) => spec !== 'facts' && spec !== '').map(nameOf)];
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new InvalidArgumentError(
      `Two sets would be called ${twice}${twice === 'facts' ? ', which are always asked' : ''}: leave one out, or rename its file.`,
    );
  }
  return specs.filter((spec) => spec !== 'facts' && spec !== '');
}

/** What `openDataset` will call a set. */
function nameOf(spec: string): string {
  const [name, ...file] = spec.split('=');
  return file.length > 0 ? name : basename(spec, extname(spec));
}

/** Checked before anything is loaded. @throws UserError for a jailbreak without its template, or a template without a jailbreak */
export function checkTemplate(flags: { benchmark: ChosenBenchmark[]; template?: string }): void {
  const needed = flags.benchmark.some(({ kind }) => kind === 'jailbreak');
  if (needed && flags.template === undefined) {
    throw new UserError('jailbreak needs --template FILE, a text that holds {question}', { exitCode: 2 });
  }
  if (!needed && flags.template !== undefined) {
    throw new UserError('--template is for jailbreak=FILE; leave it out', { exitCode: 2 });
  }
}

/**
 * The judge of the chosen benchmarks; a rule where none of them asks one. Checked before anything is loaded.
 * @throws UserError for a benchmark that no rule can judge, or a judge that nobody would ask
 */
export function judgeOf({ benchmark, judge }: { benchmark: ChosenBenchmark[]; judge?: string }): JudgeSpec {
  const needs = benchmark.find(({ kind }) => kind === 'falseqa' || kind === 'jailbreak');
  if (needs && !/^(endpoint|local):/.test(judge ?? '')) {
    throw new UserError(
      `${needs.kind} needs a judge that reads: give --judge endpoint:MODEL or local:MODEL`,
      { exitCode: 2 },
    );
  }
  if (!needs && judge !== undefined) {
    throw new UserError(
      '--judge is for falseqa and jailbreak, the other benchmarks have rules of their own; leave it out',
      { exitCode: 2 },
    );
  }
  return parseJudgeSpec(judge ?? 'rule');
}

/** The chosen benchmarks with their items. @throws UserError for a file that cannot be used */
export async function openBenchmarks(
  session: Session,
  flags: { benchmark: ChosenBenchmark[]; template?: string; items: number },
  steered: Steered,
  emit: Listener,
): Promise<Benchmark[]> {
  const { facts, seed } = steered;
  const { QUESTION_SHOTS } = await import('../pipeline/intervene/prepare.js');
  const open = async ({ kind, file }: ChosenBenchmark): Promise<Benchmark> => {
    switch (kind) {
      case 'counterfactual': {
        const { counterfactual } = await import('../intervene/builtin/counterfactual.js');
        return counterfactual(facts, QUESTION_SHOTS);
      }
      case 'false-premise':
        return (await import('../intervene/builtin/false-premise.js')).falsePremise(facts);
      case 'doubt':
        return (await import('../intervene/builtin/doubt.js')).doubt(facts);
      case 'falseqa':
        return (await import('../intervene/public/falseqa.js')).falseQa(file!, flags.items, seed);
      case 'faitheval':
        return (await import('../intervene/public/faitheval.js')).faithEval(file!, flags.items, seed);
      case 'jailbreak': {
        const { jailbreak } = await import('../intervene/public/jailbreak.js');
        return jailbreak(file!, flags.template!, flags.items, seed);
      }
      case 'sycophancy':
        return sycophancyOf(session, file, flags.items, steered, emit);
    }
  };
  const benchmarks: Benchmark[] = [];
  for (const chosen of flags.benchmark) benchmarks.push(await open(chosen));
  return benchmarks;
}

/** The questions of a set that this model gets right; without a set the facts that it knows. */
async function sycophancyOf(
  session: Session,
  spec: string | undefined,
  items: number,
  steered: Steered,
  emit: Listener,
): Promise<Benchmark> {
  const { sycophancy } = await import('../intervene/public/sycophancy.js');
  if (spec === undefined) return sycophancy(steered.facts);
  const { rightlyAnswered } = await import('../pipeline/intervene/known.js');
  const { engine, store, trained, promptKind, seed } = steered;
  const { questions } = await findDataset(session, spec, { limit: items * 40, seed }, emit);
  const known = await rightlyAnswered({
    engine,
    store,
    questions,
    trained,
    promptKind,
    count: items,
    seed,
    onProgress: (done) => emit({ type: 'progress', step: 'facts', done, total: items, unit: 'facts' }),
  });
  return sycophancy(known);
}

/**
 * Plain questions by set, for the question score: built-in facts and any further set, as they come. Those that the model knows could only
 * be lost.
 * @throws UserError for a set that is not to be had, or has no question that may be asked
 */
export async function openScores(
  session: Session,
  flags: { score: string[]; items: number },
  { anyFacts, trained, seed }: Steered,
  emit: Listener,
): Promise<Benchmark[]> {
  const { plainQuestions } = await import('../intervene/builtin/plain.js');
  const { QUESTION_SHOTS } = await import('../pipeline/intervene/prepare.js');
  const scores = [plainQuestions('facts', anyFacts, QUESTION_SHOTS)];
  for (const spec of flags.score) {
    const { name, questions } = await findDataset(
      session,
      spec,
      { split: 'test', limit: flags.items * 4, seed },
      emit,
    );
    const open = questions.filter(({ id, kind }) => kind === undefined && !trained.has(id));
    if (open.length === 0) {
      throw new UserError(
        `--score ${spec} has no open question of known answer that the detector was not trained on; choose another set`,
      );
    }
    scores.push(plainQuestions(name, open.slice(0, flags.items), QUESTION_SHOTS));
  }
  return scores;
}
