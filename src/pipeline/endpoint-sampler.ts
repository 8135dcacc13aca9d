import { EndpointError, openEndpoint } from '../endpoint/index.js';
import type { Choice, Endpoint, EndpointSettings } from '../endpoint/types.js';
import { ANSWER_ONLY, type PromptStyle, promptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { derive, int } from '../stats/random.js';
import { makeOffer, type Offer, withoutRefused } from './endpoint-offer.js';
import { retokenisedSequences } from './retokenise.js';
import type { AskedResult, AskedSample, Sampler, SamplingJob } from './sampler.js';
import { tokenizeSequences } from './sequence.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

/** How a server is reached. Nothing of it decides what comes out, so it is no setting of the run. */
export type EndpointAccess = Pick<
  EndpointSettings,
  'keyEnv' | 'concurrency' | 'timeoutMs' | 'retries' | 'backoffMs' | 'env'
>;

/** So many questions without an answer, one after another, are no accident. */
const MOST_FAILURES = 8;

/**
 * A server that runs the same model, or a larger quantisation of it. All samples of a question are asked for in one
 * request, or one by one where the server gives only one; that many questions are under way as `concurrency` says. What is
 * read afterwards are the tokens that the tokenizer of the local model makes of prompt and response.
 * @param onNotice hears, once each, what the server does not take
 */
export function openEndpointSampler(options: {
  engine: Engine;
  settings: CollectSettings;
  access: EndpointAccess;
  signal?: AbortSignal;
  onNotice(message: string): void;
}): Sampler {
  const { engine, settings, access, signal, onNotice } = options;
  const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
  const texts = async (question: SplitQuestion, responses: string[]) => {
    const prompt = await style.text(question.question);
    return responses.map((response) => ({ prompt, response }));
  };

  return {
    async sample(job) {
      const stop = new AbortController();
      const { concurrency = 8 } = access;
      const endpoint = openEndpoint({
        ...access,
        concurrency,
        url: settings.endpoint,
        model: settings.endpointModel!,
        signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      });
      const ask = makeAsker(endpoint, style, settings, onNotice);
      const tokensOf = async (question: SplitQuestion, samples: AskedSample[]): Promise<void> => {
        // One without an answer has no tokens to read.
        const answered = samples.filter(({ unfinished }) => !unfinished);
        const distinct = [...new Set(answered.map(({ text }) => text))];
        const all = await texts(question, distinct);
        // One that does not fit into the context of the model that reads it is unreadable, too.
        const sequences = await tokenizeSequences(engine, all, style.tokenize, () => {});
        for (const sample of answered) {
          const sequence = sequences[distinct.indexOf(sample.text)];
          if (sequence) sample.tokens = Array.from(sequence.tokens.slice(sequence.responseStart));
          else sample.unreadable = true;
        }
      };
      let failures = 0;
      const work = async (): Promise<void> => {
        for (;;) {
          await job.ready?.();
          stop.signal.throwIfAborted();
          const question = job.next();
          if (!question) return;
          let result: AskedResult;
          try {
            result = await ask(question, job);
            failures = 0;
          } catch (error) {
            if (!isOfOneQuestion(error) || ++failures >= MOST_FAILURES) throw error;
            result = { id: question.id, samples: [], stopped: true, failure: (error as Error).message };
          }
          await tokensOf(question, result.samples);
          job.onResult(result);
        }
      };
      let failure: { error: unknown } | undefined;
      const workers = Array.from({ length: concurrency }, () =>
        work().catch((error) => {
          failure ??= { error };
          // The others would only wait for the same.
          stop.abort(error);
        }),
      );
      await Promise.all(workers);
      await endpoint.close();
      if (failure) throw failure.error;
      return undefined;
    },
    // The server's own figures, where it gives any, are of its tokens, and of a model that may be another quantisation.
    sequences: (items) => retokenisedSequences(engine, style, items),
  };
}

/** Asks one question as often as wanted. */
function makeAsker(
  endpoint: Endpoint,
  style: PromptStyle,
  settings: CollectSettings,
  onNotice: (message: string) => void,
): (question: SplitQuestion, job: SamplingJob) => Promise<AskedResult> {
  let offer: Offer = makeOffer(settings);
  const told = new Set<string>();
  const send = async (
    question: SplitQuestion,
    first: number,
    n: number,
    { logprobs, seed, extra }: Offer,
  ) => {
    const { temperature, topP, maxTokens } = settings;
    // Servers that give one answer at a time would give the same one again.
    const own = seed ? int(derive(settings.seed, 'endpoint', question.id, first), 2 ** 31 - 1) : undefined;
    const request = {
      n: n > 1 ? n : undefined,
      temperature,
      topP,
      maxTokens,
      seed: own,
      extra,
      stop: style.stop,
    };
    return style.kind === 'chat'
      ? endpoint.chat([{ role: 'user', content: `${question.question} ${ANSWER_ONLY}` }], {
          ...request,
          logprobs: logprobs || undefined,
        })
      : endpoint.complete(await style.text(question.question), {
          ...request,
          logprobs: logprobs || undefined,
        });
  };
  const request = async (question: SplitQuestion, first: number): Promise<Choice[]> => {
    const before = offer;
    let offered = before;
    const dropped: string[] = [];
    for (;;) {
      const n = offered.n ? settings.samples - first : 1;
      try {
        const { choices } = await send(question, first, n, offered);
        if (n > 1 && choices.length === 1) offered = { ...offered, n: false };
        // Kept only now: a request that is refused whatever is left out says nothing about the others.
        const news = dropped.filter((field) => !told.has(field));
        for (const field of news) told.add(field);
        if (news.length > 0) onNotice(`${endpoint.host} does not take ${news.join(', ')}: asked without`);
        if (offered !== before) offer = offered;
        return choices.slice(0, n);
      } catch (error) {
        if (!(error instanceof EndpointError) || error.failure !== 'request') throw error;
        const fewer = withoutRefused(offered, error);
        if (!fewer) throw error;
        offered = fewer.offer;
        dropped.push(...fewer.dropped);
      }
    }
  };
  return async (question, job) => {
    const samples: AskedSample[] = [];
    const prompt = style.kind === 'chat' ? '' : await style.text(question.question);
    let wanted = true;
    while (wanted && samples.length < settings.samples) {
      for (const choice of await request(question, samples.length)) {
        if (choice.thought && !told.has('thought')) {
          told.add('thought');
          onNotice(`${endpoint.host} gives thoughts apart from the answers: answers are read without them`);
        }
        if (choice.finish === 'broken') {
          throw new EndpointError(
            `${endpoint.host} broke an answer off (filtered, failed or a call of tools)`,
            'empty',
          );
        }
        const sample = toSample(choice, samples.length, style, prompt);
        samples.push(sample);
        if (job.onSample?.(question.id, sample) === false) wanted = false;
      }
    }
    return { id: question.id, samples, stopped: samples.length < settings.samples };
  };
}

/** @param prompt what the response goes on from; of a chat nothing */
function toSample(choice: Choice, index: number, style: PromptStyle, prompt: string): AskedSample {
  const { tokens } = choice;
  let text = choice.text;
  // Some servers pass over stop strings, and some over the space that the model puts behind "Answer:".
  const cuts = style.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const cut = cuts.length > 0;
  if (cut) text = text.slice(0, Math.min(...cuts));
  const gap = style.kind !== 'chat' && text !== '' && !/^\s/.test(text) && !/\s$/.test(prompt);
  if (gap) text = ` ${text}`;
  // All of its tokens went into a thought that the server keeps to itself.
  const unfinished = text.trim() === '' && (choice.finish === 'length' || choice.thought);
  const known = tokens !== undefined && tokens.length > 0 && !cut;
  return {
    index,
    text,
    tokens: [],
    finish: choice.finish === 'length' && !cut ? 'length' : style.stop.length > 0 ? 'stop' : 'end',
    logProbability: known ? tokens.reduce((sum, { logProbability }) => sum + logProbability, 0) : null,
    ...(unfinished && { unfinished: true as const }),
  };
}

/** Whether only this question has no answer: refused (too long, filtered) or answered with nothing. */
function isOfOneQuestion(error: unknown): boolean {
  return error instanceof EndpointError && (error.failure === 'request' || error.failure === 'empty');
}
