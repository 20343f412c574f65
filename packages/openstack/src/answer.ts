import type { AnswerBody } from './answer-body.js';
import type { RequestContext } from './errors.js';

/** The receiver releases the body after reading it. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AnswerBody;
  readonly context: RequestContext;
}
