import { NephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';

/** What a program calls of that which `create` made, of plugins of which there are many. */
const productOf: { readonly [N in Namespace]?: readonly string[] } = {
  'poll.compute': ['getCounters'],
  'poll.central': ['getCounters'],
  collector: ['exchangeTopics', 'processNotification'],
};

/**
 * Checks what `create` of a plugin returned.
 *
 * @throws PLUGIN_INVALID when it is not what such a plugin makes
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
