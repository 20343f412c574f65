import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { createPlugin, systemClock } from '@nephoscope/runtime';
import type { ActivePlugin } from '@nephoscope/runtime';

import { createPlainLogger } from './plain-log.js';
import { withSignsOfLife } from './progress.js';
import { deadline } from './run.js';

const connectTime = 20_000;

/** The needed part of the result of `configure`. */
interface ConfiguredBus {
  readonly config: { readonly bus: { readonly type: string }; readonly host: string };
  readonly chosen: Readonly<Record<string, ActivePlugin>>;
}

/**
 * Opens the configured bus, independently of the programs that use it, and closes it after `use`.
 *
 * @param inProcess why a bus within one program is useless here, and what to use instead
 * @throws BUS_IN_PROCESS, BUS_UNAVAILABLE
 */
export async function withBus(
  { config, chosen }: ConfiguredBus,
  inProcess: string,
  signal: AbortSignal,
  use: (bus: MessageBus) => Promise<void>,
): Promise<void> {
  if (config.bus.type === 'memory')
    throw new NephoscopeError('BUS_IN_PROCESS', `bus.type is 'memory', a bus that ends with ${inProcess}`);
  const logger = createPlainLogger('warn');
  const bus = createPlugin<MessageBus>(chosen['bus'], { logger, clock: systemClock, host: config.host });
  try {
    await withSignsOfLife(
      (seconds) => `Connecting … ${seconds} s`,
      bus.start(deadline(signal, connectTime, 'the bus was not reached')).catch((error: unknown) => {
        if (signal.aborted || !isNephoscopeError(error, 'BUS_UNAVAILABLE')) throw error;
        const why = error.message.replace(/^gave up connecting: /, '');
        throw new NephoscopeError(
          'BUS_UNAVAILABLE',
          `nothing was done, because the bus was not reached within ${connectTime / 1_000} s (${why})`,
        );
      }),
    );
    await use(bus);
  } finally {
    await bus.stop();
  }
}
