/** A worker thread that does its share of a pass or of products for each message that it gets. */
import { answerMessages } from '../threads/answer.js';
import { doShare } from './share.js';

answerMessages(doShare);
