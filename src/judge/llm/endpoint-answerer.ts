import { type ChatMessage, type Endpoint, EndpointError, type ResponseFormat } from '../../endpoint/index.js';
import type { Answerer } from './ask.js';
import type { LlmPrompt } from './prompt.js';

/** After so many failures in a row the server counts as broken. */
const BROKEN_AFTER = 5;
/** Room for models that think before they answer; the answer itself is short. */
const MAX_TOKENS = 2048;
/** How a repeated question is varied: at temperature 0 nonsense would come again. */
const RETRY_TEMPERATURE = 0.7;

/** What a server may refuse: less is asked of it from then on. */
interface Abilities {
  formats: ResponseFormat[];
  temperature: boolean;
}

/**
 * Puts items to a model behind an endpoint, several at a time. The answer is held to its JSON schema where the server can do
 * that, else to JSON, else only asked for.
 *
 * A failure of one request leaves its item out; when the server cannot be reached, denies access, or fails again and again, that
 * is the end.
 */
export function endpointAnswerer<Item, Answer>(
  endpoint: Endpoint,
  prompt: LlmPrompt<Item, Answer>,
): Answerer<Item, Answer> {
  const { schema } = prompt;
  const abilities: Abilities = {
    formats: [
      ...(schema ? [{ type: 'json_schema' as const, json_schema: { ...schema, strict: true } }] : []),
      { type: 'json_object' },
      { type: 'text' },
    ],
    temperature: true,
  };
  let worked = false;
  let failures = 0;

  const askOne = async (item: Item, attempt: number): Promise<string | undefined> => {
    try {
      const raw = await askServer(endpoint, messagesOf(prompt, item), attempt, abilities);
      worked = true;
      failures = 0;
      return raw;
    } catch (error) {
      if (!(error instanceof EndpointError) || !isOfOneItem(error)) throw error;
      failures++;
      if (failures >= BROKEN_AFTER || (!worked && error.failure === 'server')) throw error;
      return undefined;
    }
  };

  const name = `${endpoint.model}@${endpoint.host}`;
  return {
    name,
    identity: name,
    prompt,
    async answer(items, attempt, onAnswer) {
      let next = 0;
      let stopped = false;
      const work = async () => {
        while (next < items.length && !stopped) {
          const index = next++;
          onAnswer(index, await askOne(items[index], attempt));
        }
      };
      const workers = Array.from({ length: Math.min(endpoint.concurrency, items.length) }, () =>
        work().catch((error) => {
          stopped = true;
          throw error;
        }),
      );
      await Promise.all(workers);
    },
    close: () => endpoint.close(),
  };
}

function isOfOneItem({ failure }: EndpointError): boolean {
  return failure === 'request' || failure === 'server' || failure === 'empty';
}

function messagesOf<Item>(prompt: LlmPrompt<Item, unknown>, item: Item): ChatMessage[] {
  return [
    { role: 'system', content: prompt.instruction },
    ...prompt.examples.flatMap(({ input, answer }): ChatMessage[] => [
      { role: 'user', content: input },
      { role: 'assistant', content: answer },
    ]),
    { role: 'user', content: prompt.input(item) },
  ];
}

/** One answer. What the server refuses is left out, and not tried again once it has answered without. */
async function askServer(
  endpoint: Endpoint,
  messages: ChatMessage[],
  attempt: number,
  abilities: Abilities,
): Promise<string> {
  let { temperature } = abilities;
  let refusal: unknown;
  const formats = [...abilities.formats];
  while (formats.length > 0) {
    try {
      const answer = await endpoint.chat(messages, {
        temperature: temperature ? (attempt === 0 ? 0 : RETRY_TEMPERATURE) : undefined,
        seed: attempt,
        maxTokens: MAX_TOKENS,
        responseFormat: formats[0].type === 'text' ? undefined : formats[0],
      });
      // Only now is it known that the format was at fault, and not the item.
      if (formats.length < abilities.formats.length) abilities.formats = formats;
      abilities.temperature &&= temperature;
      return answer.choices[0].text;
    } catch (error) {
      if (!(error instanceof EndpointError) || error.failure !== 'request') throw error;
      refusal ??= error;
      if (error.details.parameter === 'temperature' && temperature) temperature = false;
      else formats.shift();
    }
  }
  throw refusal;
}
