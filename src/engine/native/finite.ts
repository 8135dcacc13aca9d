import { UserError } from '../../errors.js';
import type { Steering } from '../types.js';

/** The model computed NaN or infinity: weights are damaged, or numbers overflow, in its number format or under a steering. */
export class NotFiniteError extends UserError {
  /**
   * @param what the numbers, and the case that they belong to
   * @param steering what the model was steered with
   */
  constructor(
    readonly what: string,
    steering?: Pick<Steering, 'alpha'>,
  ) {
    super(
      steering === undefined || steering.alpha === 1
        ? `${what} are not finite (NaN or infinite): the model file is damaged, or its numbers overflow in this quantisation; check the file, or take another quantisation (BF16, Q8_0)`
        : `${what} are not finite at alpha ${steering.alpha}: the model computes no numbers any more (they overflow); leave such alphas out`,
    );
  }
}

/** The error of work under a steering: one about numbers that are not finite names alpha. */
export function underSteering(error: unknown, steering: Steering | undefined): unknown {
  return error instanceof NotFiniteError ? new NotFiniteError(error.what, steering) : error;
}

/** True if every value is finite: their sum is, as float32 values cannot overflow a double. */
export function allFinite(values: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  for (let i = whole; i < values.length; i++) a += values[i];
  return Number.isFinite(a + b + (c + d));
}

/** True if a softmax over these logits means something: no NaN, no +infinity, and not all of them masked with -infinity. */
export function usableLogits(logits: Float32Array): boolean {
  if (allFinite(logits)) return true;
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) return false;
    if (logits[i] > best) best = logits[i];
  }
  return Number.isFinite(best);
}
