import type { Engine, SampleStats } from '../engine/types.js';
import { openChoiceSampler } from './choice-sampler.js';
import type { EndpointAccess } from './endpoint-sampler.js';
import { openLocalSampler } from './local-sampler.js';
import type { Sampler } from './sampler.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

/** Questions of the other kind that are set aside before it is their turn. */
const MOST_ASIDE = 64;

/**
 * What asks the questions of a run: the server when one is named, otherwise the model itself; questions with options
 * always go to the model itself, as its logits are read.
 */
export async function openSampler(options: {
  engine: Engine;
  questions: readonly SplitQuestion[];
  settings: CollectSettings;
  access: EndpointAccess;
  signal?: AbortSignal;
  onNotice(message: string): void;
}): Promise<Sampler> {
  const { engine, questions, settings, onNotice } = options;
  const choices = questions.filter(({ kind }) => kind === 'choice');
  const open = questions.filter(({ kind }) => kind !== 'choice');
  const openOne = async () => {
    if (settings.endpoint === undefined) return openLocalSampler(engine, open, settings);
    // The client of such servers takes a moment to load.
    return (await import('./endpoint-sampler.js')).openEndpointSampler(options);
  };
  if (choices.length === 0) return openOne();
  if (settings.endpoint !== undefined) {
    onNotice('questions with options are answered by the local model, whose logits are read');
  }
  const choice = await openChoiceSampler(engine, choices, settings);
  return open.length === 0 ? choice : takeTurns(await openOne(), choice);
}

/** Both kinds in one set: each sampler goes on until enough questions of the other kind are set aside. */
function takeTurns(open: Sampler, choice: Sampler): Sampler {
  return {
    async sample(job) {
      let ended = false;
      let total: SampleStats | undefined;
      while (!ended) {
        const aside: SplitQuestion[] = [];
        const next = (): SplitQuestion | undefined => {
          while (aside.length < MOST_ASIDE) {
            const question = job.next();
            if (!question) {
              ended = true;
              return undefined;
            }
            if (question.kind !== 'choice') return question;
            aside.push(question);
          }
          return undefined;
        };
        total = add(total, await open.sample({ ...job, next }));
        await choice.sample({ ...job, next: () => aside.shift() });
      }
      return total;
    },
    async sequences(items) {
      const isChoice = ({ question }: (typeof items)[number]) => question.kind === 'choice';
      const opened = await open.sequences(items.filter((item) => !isChoice(item)));
      const chosen = await choice.sequences(items.filter(isChoice));
      return items.map((item) => (isChoice(item) ? chosen : opened).shift());
    },
  };
}

function add(a: SampleStats | undefined, b: SampleStats | undefined): SampleStats | undefined {
  if (!a || !b) return a ?? b;
  return {
    questions: a.questions + b.questions,
    samples: a.samples + b.samples,
    sampledTokens: a.sampledTokens + b.sampledTokens,
    decodedRows: a.decodedRows + b.decodedRows,
    promptRows: a.promptRows + b.promptRows,
  };
}
