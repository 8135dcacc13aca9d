import { wholePercent } from './format.js';
import type { Report } from './schema.js';

/** AUROC as a game that anybody can imagine. */
export function plainWords({ test, verdict }: Pick<Report, 'test' | 'verdict'>): string {
  const hundred = wholePercent;
  if (verdict.outcome === 'too-few') {
    return (
      'The run ended with so few questions that the model always answers right, or always wrong, that the figures below ' +
      'could be luck.'
    );
  }
  return (
    'Take two answers of the model, one right and one made up, to questions that the detector has not seen. In ' +
    `${hundred(test.auroc.estimate)} of 100 such pairs the detector gives the made-up one the higher risk. As many ` +
    `neurons picked at random manage ${hundred(test.control.auroc.mean)}; tossing a coin, 50.`
  );
}
