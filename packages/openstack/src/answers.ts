import type { AnswerBody } from './answer-body.js';
import { AnswerRefused } from './answer-limits.js';
import { OpenStackError } from './errors.js';
import type { RequestContext } from './errors.js';
import { fieldOf, isJsonObject, textOf } from './json.js';
import type { JsonValue } from './json.js';
import type { Redaction } from './redaction.js';
import type { Answer } from './answer.js';

/**
 * The contents of an answer that is not a listing.
 *
 * @throws OPENSTACK_ANSWER if it is not JSON
 */
export function jsonOf(answer: Answer): JsonValue {
  try {
    return understood(answer, (body) => body.value());
  } finally {
    answer.body.release();
  }
}

/** @throws OPENSTACK_ANSWER in place of AnswerRefused */
export function understood<T>({ body, context, headers }: Answer, read: (body: AnswerBody) => T): T {
  try {
    return read(body);
  } catch (error) {
    throw error instanceof AnswerRefused ? notUnderstood(error, headers, context) : error;
  }
}

export function notUnderstood(
  { message }: AnswerRefused,
  headers: Answer['headers'],
  context: RequestContext,
): OpenStackError {
  const type = /^[\w.+-]{1,30}\/[\w.+-]{1,30}/.exec(headers['content-type'] ?? '')?.[0] ?? 'unknown';
  const said = type === 'application/json' ? message : `${message} (its type is ${type})`;
  return new OpenStackError('OPENSTACK_ANSWER', said, { context });
}

/** The error for an answer with an unexpected status. */
export function refusal(answer: Answer, redaction: Redaction): OpenStackError {
  const said = saidIn(answer, redaction);
  return new OpenStackError('OPENSTACK_HTTP', `${adviceOn(answer)}${said === '' ? '' : `: ${said}`}`, {
    context: answer.context,
  });
}

function adviceOn({ status, headers }: Answer): string {
  if (status === 300) return 'the service answers with its list of versions: the path lacks one';
  if (status >= 300 && status < 400)
    return `the service sends us elsewhere (${headers['location']?.split('?')[0]?.slice(0, 200) ?? 'nowhere'}), where we do not follow with a token: correct the endpoint`;
  if (status === 403) return 'the user may not do this: give it the role that the service asks for';
  if (status === 404) return 'the service has nothing there';
  if (status >= 500) return 'the service failed: its log has more';
  return 'the service refuses the request';
}

/** The service's own error text, in one short line, without secrets. */
export function saidIn({ body }: Answer, redaction: Redaction): string {
  let value: JsonValue;
  try {
    value = body.value();
  } catch {
    return '';
  } finally {
    body.release();
  }
  const inside = isJsonObject(value) ? Object.values(value).find(isJsonObject) : undefined;
  const said =
    textOf(value, 'message') ?? textOf(inside, 'message') ?? textOf(fieldOf(value, 'error'), 'title') ?? '';
  return redaction.quote(said).replace(/\s+/g, ' ').trim().slice(0, 300);
}
