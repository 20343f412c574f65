import type { AnswerBody } from './answer-body.js';
import type { RequestContext } from './errors.js';

/** Who gets one lets go of its body when that is read. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AnswerBody;
  readonly context: RequestContext;
}
