import { NephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';

/** The members of a plugin's product that a program calls, for sections with many plugins. */
const productOf: { readonly [N in Namespace]?: readonly string[] } = {
  'poll.compute': ['getCounters'],
  'poll.central': ['getCounters'],
  collector: ['exchangeTopics', 'processNotification'],
};

/**
 * Checks what `create` of a plugin returned.
 *
 * @throws PLUGIN_INVALID when the product lacks a member
 */
export function checkProduct(product: unknown, namespace: Namespace): void {
  const missing = productOf[namespace]?.find(
    (method) => typeof (product as Record<string, unknown> | null | undefined)?.[method] !== 'function',
  );
  if (missing === undefined) return;
  const hint =
    product instanceof Promise ? ', but a promise: what takes time belongs into what the program calls later' : '';
  throw new NephoscopeError('PLUGIN_INVALID', `'create' returned nothing that has a function '${missing}'${hint}`);
}
