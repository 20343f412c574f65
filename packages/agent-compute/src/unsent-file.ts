import type { OutgoingMessage } from '@nephoscope/core';

/** A message on its way, and how many samples are in it. */
export interface UnsentMessage extends OutgoingMessage {
  readonly samples: number;
}

/** One JSON object a line, bodies as base64 since they are bytes. */
export function serializeMessages(messages: readonly UnsentMessage[]): string {
  return messages
    .map(({ body, ...rest }) => `${JSON.stringify({ ...rest, body: Buffer.from(body).toString('base64') })}\n`)
    .join('');
}

/** Throws a SyntaxError or TypeError for a text that is not as `serializeMessages` wrote it. */
export function parseMessages(text: string): UnsentMessage[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { exchange, routingKey, contentType, samples, body } = JSON.parse(line) as Record<string, unknown>;
      if (
        typeof exchange !== 'string' ||
        typeof routingKey !== 'string' ||
        typeof contentType !== 'string' ||
        typeof samples !== 'number' ||
        typeof body !== 'string'
      ) {
        throw new TypeError('a line is not a message');
      }
      return { exchange, routingKey, contentType, samples, body: Buffer.from(body, 'base64') };
    });
}
