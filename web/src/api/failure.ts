/** Why a request came to nothing, in a form that the page can act on. */
export type FailureKind = 'gone' | 'restarting' | 'busy' | 'key' | 'missing' | 'refused' | 'timeout';

export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    /** Seconds after which it may work, where the server said so. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

const KINDS: Record<number, FailureKind> = {
  401: 'key',
  404: 'missing',
  429: 'busy',
  502: 'gone',
  503: 'restarting',
  504: 'timeout',
};

/** The failure that a response stands for, in the server's own words where it has some. */
export async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text().catch(() => '');
  let message = `The server answered ${response.status}.`;
  try {
    const said = JSON.parse(text).error?.message;
    if (typeof said === 'string' && said !== '') message = said;
  } catch {
    // Not JSON, such as a proxy's error page: the status must do.
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new Failure(
    KINDS[response.status] ?? 'refused',
    message,
    Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : undefined,
  );
}

/** Any error as a Failure; fetch says no more than TypeError when a server cannot be reached. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('gone', 'The server stopped answering.');
}
