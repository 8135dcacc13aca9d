/** A figure with its 95 % interval. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

/** Two-sided 95 % point of the standard normal distribution. */
export const Z95 = 1.959963984540054;
