import type { QueueTopology } from '@nephoscope/core/message-bus';

import type { ActiveHandler } from './handlers.js';
import type { NotificationsOptions } from './options.js';

/** One topology per exchange with Nephoscope's queue; for the services' own queue a single one. */
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
