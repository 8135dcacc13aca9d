import { type Command, Option } from 'commander';
import { UserError } from '../errors.js';
import type { EndpointAccess } from '../pipeline/endpoint-sampler.js';
import type { CollectSettings } from '../pipeline/settings.js';
import { integer, number } from './options.js';

export interface SamplingFlags {
  endpoint?: string;
  endpointModel?: string;
  endpointKeyEnv?: string;
  endpointConcurrency?: number;
  /** Seconds. */
  endpointTimeout?: number;
  choice?: 'logits' | 'greedy';
}

/** Where answers are drawn, and how those to questions with options are read. */
export function addSampling(command: Command): Command {
  return command
    .option(
      '--endpoint <url>',
      'draw the samples from this OpenAI-compatible server (http://host:8000/v1); neurons are read here',
    )
    .option('--endpoint-model <name>', "the model's name on that server")
    .option(
      '--endpoint-key-env <variable>',
      'environment variable with the key of that server (default: OPENAI_API_KEY, if set)',
    )
    .option(
      '--endpoint-concurrency <n>',
      'questions under way there at a time (default: 8)',
      integer(1, 1000),
    )
    .option('--endpoint-timeout <seconds>', 'longest wait for an answer (default: 120)', number(1))
    .addOption(
      new Option(
        '--choice <reading>',
        'which letter counts for a question with options: the likeliest by the logits (default), or the one said',
      ).choices(['logits', 'greedy']),
    );
}

/** What of the options decides the samples. */
export function samplingOverrides(
  flags: SamplingFlags,
): Pick<CollectSettings, 'endpoint' | 'endpointModel' | 'choice'> {
  const { endpoint, endpointModel, choice } = flags;
  return { endpoint, endpointModel, choice: choice === 'greedy' ? choice : undefined };
}

/**
 * How the server is reached.
 * @throws UserError for a URL that is none, an option without its other half, and a key that is not set
 */
export async function endpointAccess(flags: SamplingFlags): Promise<EndpointAccess> {
  const { endpoint, endpointModel, endpointKeyEnv, endpointConcurrency, endpointTimeout } = flags;
  if (endpoint === undefined) {
    const alone = [endpointModel, endpointKeyEnv, endpointConcurrency, endpointTimeout];
    if (alone.every((value) => value === undefined)) return {};
    throw new UserError('the --endpoint-… options need --endpoint with the URL of a server', { exitCode: 2 });
  }
  if (endpointModel === undefined) {
    throw new UserError("--endpoint needs --endpoint-model, the model's name on that server", {
      exitCode: 2,
    });
  }
  const access: EndpointAccess = {
    keyEnv: endpointKeyEnv,
    concurrency: endpointConcurrency,
    timeoutMs: endpointTimeout === undefined ? undefined : endpointTimeout * 1000,
  };
  // Nothing is sent: a wrong URL or a missing key shall be told before a model is loaded.
  const { openEndpoint } = await import('../endpoint/index.js');
  await openEndpoint({ ...access, url: endpoint, model: endpointModel }).close();
  return access;
}
