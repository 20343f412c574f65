/**
 * The client's reading of one answer, for tests that try many, such as `npm run fuzz`. It changes with the client, without
 * notice.
 */
export { AnswerBody, HeldBytes } from './answer-body.js';
export { AnswerRefused } from './answer-limits.js';
export { PageWalk } from './paging.js';
