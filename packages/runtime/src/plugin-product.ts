import { NephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';

/**
 * The members of a plugin's product that a program calls; `reader`: those of the result of `createReader` of a
 * store's plugin.
 */
const functionsOf: { readonly [N in Namespace | 'reader']?: readonly string[] } = {
  'poll.compute': ['getCounters'],
  'poll.central': ['getCounters'],
  collector: ['exchangeTopics', 'processNotification'],
  storage: 'start stop record recordedAs removeBefore removedBefore recordedTimes health'.split(' '),
  reader: 'start stop samples meters resources health'.split(' '),
};

/**
 * Checks what `create` of a plugin returned, or `createReader` of a store's.
 *
 * @throws PLUGIN_INVALID when the product lacks a member
 */
export function checkProduct(product: unknown, kind: Namespace | 'reader'): void {
  const missing = functionsOf[kind]?.find(
    (method) => typeof (product as Record<string, unknown> | null | undefined)?.[method] !== 'function',
  );
  if (missing === undefined) return;
  const hint =
    product instanceof Promise ? ', but a promise: what takes time belongs into what the program calls later' : '';
  throw new NephoscopeError(
    'PLUGIN_INVALID',
    `'${kind === 'reader' ? 'createReader' : 'create'}' returned nothing that has a function '${missing}'${hint}`,
  );
}
