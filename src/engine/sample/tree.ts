import { UserError } from '../../errors.js';
import type { Context } from '../native/context.js';
import type { Sample, SampleRequest, SampleResult, SampleSettings, SampleStats } from '../types.js';
import { type Candidates, draw, makeDistribution } from './distribution.js';
import { randomStream } from './stream.js';
import { type GrowingText, growingText } from './text.js';

/** What the token tree needs from a model; a test can give it a plain function in place of llama.cpp. */
export interface TreeModel {
  vocab: number;
  endsGeneration: Uint8Array;
  piece(token: number): Uint8Array;
}

/** What happened in one step, and what the other side answers. */
export interface StepEvents {
  finished: { id: string; sample: Sample }[];
  results: SampleResult[];
  /** How many samples of further questions there is room for; questions beyond that wait. */
  room: number;
}

export interface StepReply {
  /** Ids of questions to stop. */
  stop: string[];
  requests: SampleRequest[];
  /** No further question will come. */
  exhausted: boolean;
}

interface Question {
  request: SampleRequest;
  samples: (Sample | undefined)[];
  /** Samples that have not ended; each has a sequence and `maxTokens` cells reserved. */
  open: number;
  prompt?: Prompt;
  branches: Branch[];
}

/** A node of the token tree that is still growing: all samples with the same history so far. */
interface Branch {
  sequence: number;
  /** Tokens of the response; the next decode feeds the last one, at `position`. */
  history: number[];
  position: number;
  text: GrowingText;
  members: Member[];
  /** Its row in the running batch. */
  row: number;
}

interface Member {
  index: number;
  uniform: () => number;
  logProbability: number;
  /** Log p of each drawn token. */
  steps: number[];
}

/** A prompt on its way in: its tokens beyond the shared prefix, fed in chunks. */
interface Prompt {
  sequence: number;
  fed: number;
  /** Row of its last token in the running batch, -1 while tokens are left to feed. */
  row: number;
}

export interface TreeOptions {
  settings: SampleSettings;
  prefix: ArrayLike<number>;
  /** Sequence ids 1 … sequences are used; 0 holds the prefix. */
  sequences: number;
  /** Sliding window of the model in tokens, 0 without one. */
  window: number;
}

/**
 * Samples many questions, `samples` answers each, as one token tree a question: samples with the same history share
 * one row of the batch until they draw different tokens. Every sample draws from its own random stream, so the
 * result is that of independent runs. `exchange` is called after each step: it hears what finished and answers with
 * further questions and with those to stop.
 * @throws UserError when llama.cpp fails or a question does not fit into the context.
 */
export async function growTrees(
  context: Context,
  model: TreeModel,
  options: TreeOptions,
  exchange: (events: StepEvents) => Promise<StepReply>,
): Promise<SampleStats> {
  const { settings, prefix, sequences, window } = options;
  const distribution = makeDistribution(model.vocab, settings);
  const stops = settings.stop.filter((s) => s !== '').map((s) => Buffer.from(s, 'utf8'));
  const stats: SampleStats = { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
  const free = Array.from({ length: sequences }, (_, i) => sequences - i);
  const growing = new Map<string, Question>();
  const waiting: SampleRequest[] = [];
  let events: StepEvents = { finished: [], results: [], room: 0 };
  let openSamples = 0;
  let reservedCells = 0;
  let exhausted = false;

  const promptCells = (request: SampleRequest) =>
    request.prompt.length - sharedLength(request.prompt, prefix, window);
  const cellsFor = (request: SampleRequest) => promptCells(request) + request.samples * settings.maxTokens;
  const cellsLeft = () => context.cells - prefix.length - reservedCells;

  const release = (sequence: number) => {
    context.removeSequence(sequence);
    free.push(sequence);
  };

  const start = (request: SampleRequest) => {
    const shared = sharedLength(request.prompt, prefix, window);
    const sequence = free.pop()!;
    if (shared > 0) context.copySequence(0, sequence, shared);
    growing.set(request.id, {
      request,
      samples: new Array(request.samples).fill(undefined),
      open: request.samples,
      prompt: { sequence, fed: shared, row: -1 },
      branches: [],
    });
    openSamples += request.samples;
    reservedCells += cellsFor(request);
    stats.questions++;
  };

  const close = (question: Question, stopped: boolean) => {
    growing.delete(question.request.id);
    for (const branch of question.branches) release(branch.sequence);
    if (question.prompt) release(question.prompt.sequence);
    openSamples -= question.open;
    reservedCells -= promptCells(question.request) + question.open * settings.maxTokens;
    const samples = question.samples.filter((s) => s !== undefined);
    events.results.push({ id: question.request.id, samples, stopped });
  };

  const end = (question: Question, branch: Omit<Branch, 'sequence' | 'row'>, finish: Sample['finish']) => {
    const { text, tokens } = branch.text.finish();
    for (const { index, logProbability, steps } of branch.members) {
      const endLogProbability = steps.slice(tokens).reduce((sum, step) => sum + step, 0);
      const history = branch.history.slice(0, tokens);
      const sample = { index, tokens: history, text, finish, logProbability, endLogProbability };
      question.samples[index] = sample;
      events.finished.push({ id: question.request.id, sample });
    }
    question.open -= branch.members.length;
    openSamples -= branch.members.length;
    reservedCells -= branch.members.length * settings.maxTokens;
    stats.samples += branch.members.length;
  };

  /** All members at a node draw; those with the same token go on together. The first child keeps the sequence. */
  const split = (question: Question, node: Branch, candidates: Candidates) => {
    const byToken = new Map<number, Member[]>();
    for (const member of node.members) {
      const pick = draw(candidates, member.uniform());
      member.logProbability += candidates.logProbability[pick];
      member.steps.push(candidates.logProbability[pick]);
      const group = byToken.get(candidates.tokens[pick]);
      if (group) group.push(member);
      else byToken.set(candidates.tokens[pick], [member]);
    }
    stats.sampledTokens += node.members.length;
    let unclaimed = true;
    for (const [token, members] of byToken) {
      if (model.endsGeneration[token]) {
        end(question, { ...node, members }, 'end');
        continue;
      }
      const child = { ...node, members, history: [...node.history, token], text: node.text.fork() };
      if (child.text.push(model.piece(token))) end(question, child, 'stop');
      else if (child.history.length >= settings.maxTokens) end(question, child, 'length');
      else {
        if (!unclaimed) {
          child.sequence = free.pop()!;
          context.copySequence(node.sequence, child.sequence);
        }
        unclaimed = false;
        question.branches.push(child);
      }
    }
    if (unclaimed) release(node.sequence);
  };

  const root = (question: Question, prompt: Prompt): Branch => ({
    sequence: prompt.sequence,
    position: question.request.prompt.length,
    history: [],
    text: growingText(stops),
    members: question.samples.map((_, index) => ({
      index,
      uniform: randomStream(settings.seed, question.request.id, index),
      logProbability: 0,
      steps: [],
    })),
    row: prompt.row,
  });

  /** Fills the batch: one row for each branch, then as much of the prompts as fits. */
  const fill = () => {
    for (const question of growing.values())
      for (const branch of question.branches) {
        branch.row = context.add(
          branch.history[branch.history.length - 1],
          branch.position++,
          branch.sequence,
          true,
        );
        stats.decodedRows++;
      }
    for (const { prompt, request } of growing.values()) {
      if (!prompt) continue;
      while (prompt.fed < request.prompt.length && context.rows < context.rowLimit) {
        const last = prompt.fed === request.prompt.length - 1;
        const row = context.add(request.prompt[prompt.fed], prompt.fed, prompt.sequence, last);
        if (last) prompt.row = row;
        prompt.fed++;
        stats.promptRows++;
      }
    }
  };

  const logitsOf = ({ request }: Question, { row }: Branch) => context.logits(row, `question ${request.id}`);

  const advance = () => {
    for (const question of [...growing.values()]) {
      const nodes = question.branches;
      question.branches = [];
      if (question.prompt && question.prompt.row >= 0) {
        nodes.push(root(question, question.prompt));
        question.prompt = undefined;
      }
      for (const node of nodes) split(question, node, distribution(logitsOf(question, node)));
      if (question.open === 0) close(question, false);
    }
  };

  const admit = () => {
    while (waiting.length > 0) {
      const request = waiting[0];
      const alone = growing.size === 0;
      const fits = openSamples + request.samples <= sequences && cellsFor(request) <= cellsLeft();
      if (!fits && !alone) return;
      if (!fits) throw new UserError(tooLarge(request, settings, sequences, cellsLeft()));
      start(request);
      waiting.shift();
    }
  };

  feedPrefix(context, prefix, stats);
  for (;;) {
    const queued = waiting.reduce((sum, request) => sum + request.samples, 0);
    events.room = exhausted ? 0 : Math.max(0, sequences - openSamples - queued);
    if (events.finished.length > 0 || events.results.length > 0 || events.room > 0) {
      const reply = await exchange(events);
      events = { finished: [], results: [], room: 0 };
      exhausted ||= reply.exhausted;
      for (const id of reply.stop) {
        const question = growing.get(id);
        if (question) close(question, true);
      }
      for (const request of reply.requests) waiting.push(request);
    }
    admit();
    if (growing.size > 0) {
      fill();
      context.decode();
      advance();
    } else if (exhausted && waiting.length === 0 && events.results.length === 0) return stats;
  }
}

/**
 * Leading tokens that a prompt takes over from the prefix; its last token is always fed, for its logits. Cells that the window has
 * left behind may be given away by llama.cpp: a prefix as long as the window is taken over whole or not at all.
 */
function sharedLength(prompt: ArrayLike<number>, prefix: ArrayLike<number>, window: number): number {
  const most = Math.min(prefix.length, prompt.length - 1);
  let shared = 0;
  while (shared < most && prompt[shared] === prefix[shared]) shared++;
  const torn = window > 0 && prefix.length >= window && shared < prefix.length;
  return torn ? 0 : shared;
}

function feedPrefix(context: Context, prefix: ArrayLike<number>, stats: SampleStats): void {
  for (let i = 0; i < prefix.length; i++) {
    context.add(prefix[i], i, 0, i === prefix.length - 1);
    if (context.rows === context.rowLimit || i === prefix.length - 1) context.decode();
  }
  stats.promptRows += prefix.length;
}

function tooLarge(
  request: SampleRequest,
  settings: SampleSettings,
  sequences: number,
  cells: number,
): string {
  if (request.samples > sequences)
    return `${request.samples} samples of one question are more than the ${sequences} that can run at once: lower --samples`;
  return `Question ${request.id} needs ${request.prompt.length} prompt tokens and ${request.samples} x ${settings.maxTokens} new ones, but only ${cells} fit into the context: shorten the prompt, or lower --samples or --max-tokens`;
}
