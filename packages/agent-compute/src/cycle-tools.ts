import type { Clock, Logger } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';

import type { Failures } from './failures.js';
import type { AgentMetrics } from './metrics.js';
import type { ReadingOrder } from './reading-order.js';

/** What a cycle works with. */
export interface CycleTools {
  readonly inspector: Inspector;
  /** What of a cycle's time the reading may take, ms. */
  readonly readingTime: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly failures: Failures;
  readonly order: ReadingOrder;
  /** Hears which instances there are. */
  readonly onListed: (instanceIds: ReadonlySet<string>) => void;
}
