/** A failure that a client is told of, in the shape of OpenAI's errors. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  /** Seconds after which it is worth trying again. */
  readonly retryAfter?: number;

  constructor(
    status: number,
    message: string,
    options: { type?: string; param?: string; code?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = status;
    this.type = options.type ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
    this.param = options.param ?? null;
    this.code = options.code ?? null;
    this.retryAfter = options.retryAfter;
  }

  /** The body of the answer, and of the event that ends a stream. */
  body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** Status that stands in the metrics for a client that went away; nobody gets it. */
export const CLIENT_GONE = 499;

export const invalid = (message: string, param?: string, code?: string): ApiError =>
  new ApiError(400, message, { param, code });

/** In the words of OpenAI, by which clients find out that another model, or less text, is wanted. */
export const maximumContext = (tokens: number): string =>
  `this model's maximum context length is ${tokens} tokens`;

/** @param only the one name that there is */
export const noModel = (name: string, only?: string): ApiError =>
  new ApiError(
    404,
    `there is no model ${JSON.stringify(name)} here${only === undefined ? '' : `, only ${JSON.stringify(only)}`}`,
    { param: 'model', code: 'model_not_found' },
  );

export const restarting = (): ApiError =>
  new ApiError(503, 'the model stopped and is being started again; try again in a moment', {
    code: 'restarting',
    retryAfter: 1,
  });

export const draining = (): ApiError =>
  new ApiError(503, 'the server is shutting down', { code: 'shutting_down', retryAfter: 10 });
