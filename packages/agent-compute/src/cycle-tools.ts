import type { Clock, Logger } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';

import type { Failures } from './failures.js';
import type { AgentMetrics } from './metrics.js';
import type { ReadingOrder } from './reading-order.js';

/** The dependencies of a cycle. */
export interface CycleTools {
  readonly inspector: Inspector;
  /** The part of a cycle's time for the reading, ms. */
  readonly readingTime: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly failures: Failures;
  readonly order: ReadingOrder;
  /** Called with the ids of existing instances. */
  readonly onListed: (instanceIds: ReadonlySet<string>) => void;
}
