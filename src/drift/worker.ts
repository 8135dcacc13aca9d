/** A worker thread that adds up the products of one matrix pair for each message that it gets. */
import { answerMessages } from '../threads/answer.js';
import type { StoredMatrix } from '../weights/types.js';
import { neuronProducts, type Products } from './cosine.js';

export interface DriftTask {
  a: StoredMatrix;
  b: StoredMatrix;
  /** Shared memory, all zero. */
  into: Products;
}

answerMessages(({ a, b, into }: DriftTask) => neuronProducts(a, b, into));
