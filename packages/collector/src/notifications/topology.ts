import type { QueueTopology } from '@nephoscope/core/message-bus';

import type { ActiveHandler } from './handlers.js';
import type { NotificationsOptions } from './options.js';

/** The queue and what it is bound to, as often as there are exchanges; the services' own queue as it is. */
export function topologiesOf(
  { owner, name, maxBytes }: NotificationsOptions['queue'],
  handlers: readonly ActiveHandler[],
): readonly QueueTopology[] {
  const deadLetterQueue = `${name}.dead`;
  if (owner === 'services')
    return [
      {
        exchange: '',
        exchangeOwner: 'service',
        queue: name,
        queueOwner: 'service',
        bindings: [],
        deadLetterQueue,
      },
    ];
  const topics = new Map<string, Set<string>>();
  for (const { exchange, topics: more } of handlers.flatMap(({ exchangeTopics }) => exchangeTopics))
    topics.set(exchange, new Set([...(topics.get(exchange) ?? []), ...more]));
  return Array.from(topics, ([exchange, bindings]) => ({
    exchange,
    exchangeOwner: 'service',
    queue: name,
    bindings: [...bindings],
    deadLetterQueue,
    maxBytes,
  }));
}
