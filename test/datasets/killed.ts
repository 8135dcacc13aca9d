import { openDataset } from '../../src/datasets/open.js';

/** Downloads a split in a process of its own, to be killed. */
await openDataset('triviaqa', { split: 'test' });
