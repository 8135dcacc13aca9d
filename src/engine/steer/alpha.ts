import { UserError } from '../../errors.js';

/**
 * Largest size of an alpha. Far beyond what any model bears (they break at 3 to 10), and far within float32, in which alpha and what it
 * multiplies are computed.
 */
export const LARGEST_ALPHA = 1000;

/** @throws UserError for an alpha that is no number, or beyond {@link LARGEST_ALPHA} */
export function checkAlpha(alpha: number): void {
  if (Math.abs(alpha) <= LARGEST_ALPHA) return;
  throw new UserError(`alpha must be a number from ${-LARGEST_ALPHA} to ${LARGEST_ALPHA}, not ${alpha}`, {
    exitCode: 2,
  });
}
