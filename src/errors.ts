/**
 * A mistake or a circumstance that the user can do something about. The command line prints `message` as one
 * line (what was wrong, and what to do) and exits with `exitCode`; it never prints a stack trace for one.
 * Exit code 1: something outside failed (file, network, model, disk); 2: the command was used wrongly.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { cause?: unknown; exitCode?: 1 | 2 } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}
