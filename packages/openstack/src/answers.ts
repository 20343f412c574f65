import { OpenStackError } from './errors.js';
import { fieldOf, isJsonObject, parseJson, textOf } from './json.js';
import type { JsonValue } from './json.js';
import type { Answer } from './transport.js';

/** @throws OPENSTACK_ANSWER when it is no JSON */
export function jsonOf({ body, context, headers }: Answer): JsonValue {
  try {
    return parseJson(body);
  } catch {
    // What the parser says quotes the answer, which may hold anything.
    const type = headers['content-type'] ?? 'unknown';
    throw new OpenStackError(
      'OPENSTACK_ANSWER',
      `the answer is no JSON (its type is ${type}), or nested too deep`,
      {
        context,
      },
    );
  }
}

/** The error that an answer of another status than asked for is. */
export function refusal(answer: Answer, secrets: readonly string[]): OpenStackError {
  const said = saidIn(answer, secrets);
  return new OpenStackError('OPENSTACK_HTTP', `${adviceOn(answer)}${said === '' ? '' : `: ${said}`}`, {
    context: answer.context,
  });
}

function adviceOn({ status, headers }: Answer): string {
  if (status === 300) return 'the service answers with its list of versions: the path lacks one';
  if (status >= 300 && status < 400)
    return `the service sends us elsewhere (${headers['location']?.split('?')[0] ?? 'nowhere'}), where we do not follow with a token: correct the endpoint`;
  if (status === 403) return 'the user may not do this: give it the role that the service asks for';
  if (status === 404) return 'the service has nothing there';
  if (status >= 500) return 'the service failed: its log has more';
  return 'the service refuses the request';
}

/** What the service says of it, in one short line, without any secret of ours. */
export function saidIn({ body }: Answer, secrets: readonly string[]): string {
  let value: JsonValue;
  try {
    value = parseJson(body);
  } catch {
    return '';
  }
  const inside = isJsonObject(value) ? Object.values(value).find(isJsonObject) : undefined;
  const said =
    textOf(value, 'message') ?? textOf(inside, 'message') ?? textOf(fieldOf(value, 'error'), 'title') ?? '';
  const safe = secrets.reduce(
    (text, secret) => (secret === '' ? text : text.replaceAll(secret, '[secret]')),
    said,
  );
  return safe.replace(/\s+/g, ' ').trim().slice(0, 300);
}
