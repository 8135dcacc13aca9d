import { z } from 'zod';

/** A figure with its 95 % interval, in report files. */
export const IntervalSchema = z.object({ estimate: z.number(), low: z.number(), high: z.number() });
