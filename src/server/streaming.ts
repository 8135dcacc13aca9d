import { riskStream } from '../risk/index.js';
import {
  answerRequest,
  type Choice,
  choiceOf,
  countedAnswer,
  countUsage,
  guardedChoice,
  type Usage,
} from './choice.js';
import type { Computing } from './computing.js';
import type { ApiError } from './errors.js';
import { createEventStream, eventText } from './event-stream.js';
import type { Generation } from './generation.js';
import { stopWhenGone } from './scope.js';
import type { ServerContext } from './types.js';
import { envelope, firstChunk, lastChunk, type Part, partChunk, usageChunk } from './wire.js';

/** What a stream holds of one choice between two chunks. */
interface Progress extends Part {
  begun: boolean;
  /** Length of the text that was sent already. */
  offset: number;
  ended?: Omit<Choice, 'text' | 'tokens'>;
  done: boolean;
}

/**
 * The answers of a request as a stream of events. An error comes as an event with OpenAI's error object, and ends it.
 *
 * @param cutOff closes the connection of a client that does not read
 */
export function streamAnswers(
  context: ServerContext,
  generation: Generation,
  { scope, failure, end }: Computing,
  cutOff: () => void,
): ReadableStream<Uint8Array> {
  const head = envelope(generation, context.model.name);
  const count = generation.prompts.length * generation.n;
  const usage: Usage = { prompt: promptTokens(generation), cached: 0, generated: 0 };
  const choices: Progress[] = Array.from({ length: count }, () => ({
    text: '',
    tokens: [],
    risks: [],
    begun: head.kind === 'text',
    offset: 0,
    done: false,
  }));
  let failed: ApiError | undefined;
  let finished = false;

  const eventsOf = (progress: Progress, index: number): string => {
    if (progress.done) return '';
    let events = '';
    if (!progress.begun) {
      progress.begun = true;
      events += eventText(firstChunk(head, index));
    }
    const { text, tokens, risks, offset } = progress;
    if (tokens.length > 0 || risks.length > 0 || text) {
      events += eventText(partChunk(head, index, { text, tokens, risks }, offset));
      Object.assign(progress, { text: '', tokens: [], risks: [], offset: offset + text.length });
    }
    if (progress.ended) {
      progress.done = true;
      events += eventText(lastChunk(head, index, progress.ended));
    }
    return events;
  };
  const stream = createEventStream(
    {
      take() {
        let events = choices.map(eventsOf).join('');
        if (failed) events += eventText(failed.body());
        else if (finished) {
          if (generation.includeUsage) events += eventText(usageChunk(head, usage));
          events += eventText('[DONE]');
        }
        return events;
      },
      onGone: stopWhenGone(scope, cutOff),
    },
    context.settings.stallMs,
  );

  const write = generation.onRisk === 'annotate' ? writeOpenly : writeHeldBack;
  const run = async () => {
    let error: ApiError | undefined;
    try {
      await Promise.all(
        choices.map((progress, index) =>
          write(context, generation, index, scope.signal, usage, progress, stream.wake),
        ),
      );
      finished = true;
    } catch (cause) {
      error = failure(cause);
      failed = error;
      // The other choices of the request are of no use any more.
      scope.abort(error);
    }
    stream.end();
    end(error);
  };
  void run();
  return stream.body;
}

type Writer = (
  context: ServerContext,
  generation: Generation,
  index: number,
  signal: AbortSignal,
  usage: Usage,
  progress: Progress,
  wake: () => void,
) => Promise<void>;

/** Text and risks go out as they come. */
const writeOpenly: Writer = async (context, generation, index, signal, usage, progress, wake) => {
  const risks = generation.risk && riskStream(generation.risk);
  const answer = await countedAnswer(context, answerRequest(generation, index, generation.n), signal, {
    onToken(token) {
      risks?.token(token.text, token.leftOut);
      progress.text += token.text;
      progress.tokens.push(token);
      wake();
    },
    onCett(at, values) {
      progress.risks.push(risks!.cett(at, values));
      wake();
    },
  });
  countUsage(usage, answer, index % generation.n === 0);
  progress.ended = choiceOf(answer, risks?.finish(answer.text));
  wake();
};

/** Nothing goes out before the guard has decided. */
const writeHeldBack: Writer = async (context, generation, index, signal, usage, progress, wake) => {
  const choice = await guardedChoice(context, generation, index, signal, usage);
  progress.text = choice.text;
  progress.tokens = choice.tokens;
  progress.ended = choice;
  wake();
};

/** Tokens of all prompts of a request; each counts once, whatever n is. */
export function promptTokens({ prompts }: Generation): number {
  return prompts.reduce((sum, prompt) => sum + prompt.length, 0);
}
