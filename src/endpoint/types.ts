/** What an OpenAI-compatible server (OpenAI, vLLM, SGLang, llama-server, Ollama, …) is asked, and what it answers. */

export interface EndpointSettings {
  /** Base URL up to and with `/v1`; default: OPENAI_BASE_URL, else OpenAI's own. */
  url?: string;
  /** The model's name on the server. */
  model: string;
  /**
   * Name of the environment variable that holds the key. Default: OPENAI_API_KEY, which may be unset where the server
   * wants none. The key itself is never written to a file or a message.
   */
  keyEnv?: string;
  /** Requests under way at the same time; default 8. */
  concurrency?: number;
  /** Longest wait for one whole answer, in ms; default 120,000. */
  timeoutMs?: number;
  /** Further attempts after a failure that may pass; default 5. */
  retries?: number;
  /** First wait before another attempt, in ms, doubled each time; default 500. */
  backoffMs?: number;
  /** Ends all requests and waits at once; they reject with its reason. */
  signal?: AbortSignal;
  /** Where keys and proxies are looked up; default `process.env`. */
  env?: NodeJS.ProcessEnv;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** Settings of one request; what is undefined is left to the server. */
export interface RequestOptions {
  /** Answers wanted. */
  n?: number;
  temperature?: number;
  topP?: number;
  maxTokens?: number;
  stop?: string[];
  seed?: number;
  /** Log-probability of each token; a number asks for as many of the likeliest alternatives as well. */
  logprobs?: boolean | number;
  /** Fields that only some servers know (`top_k`, `min_p`, …), sent as they are. */
  extra?: Record<string, unknown>;
}

export interface ChatOptions extends RequestOptions {
  /** How the answer must be built, as in the API: `{ type: 'json_schema', … }`. */
  responseFormat?: ResponseFormat;
}

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | { type: 'json_schema'; json_schema: { name: string; strict?: boolean; schema: Record<string, unknown> } };

export interface TokenLogProbability {
  text: string;
  logProbability: number;
  /** The likeliest tokens at this place, where they were asked for. */
  top: { text: string; logProbability: number }[];
}

export interface Choice {
  text: string;
  /**
   * `stop`: the model or a stop string ended it; `length`: cut off at `maxTokens`; `broken`: cut off by the server (filtered, failed), or a
   * call of tools; `other`: the server does not say.
   */
  finish: 'stop' | 'length' | 'broken' | 'other';
  /** The server gave a thought of the model apart from the text. */
  thought?: true;
  /** Where log-probabilities were asked for and the server gives them. */
  tokens?: TokenLogProbability[];
}

export interface EndpointAnswer {
  /** At least one; fewer than `n` where the server does not know `n`. */
  choices: Choice[];
  /** Tokens paid for, where the server tells. */
  usage?: { promptTokens: number; completionTokens: number };
}

/** A model behind an OpenAI-compatible server. */
export interface Endpoint {
  readonly model: string;
  /** Host and port, for names and messages. */
  readonly host: string;
  /** Requests under way at the same time; further ones wait. */
  readonly concurrency: number;
  /**
   * Asks for the answer to a conversation.
   * @throws EndpointError when no usable answer came, after all attempts; the signal's reason when aborted
   */
  chat(messages: ChatMessage[], options?: ChatOptions): Promise<EndpointAnswer>;
  /** Asks for the continuation of a plain text, as base models need it. Throws as {@link chat}. */
  complete(prompt: string, options?: RequestOptions): Promise<EndpointAnswer>;
  /** Drops all connections; requests under way reject. */
  close(): Promise<void>;
}
