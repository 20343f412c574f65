import { execFile } from 'node:child_process';

import { LogLimit } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

/** Time limit for systemd-notify, which waits until systemd has read the message, ms. */
const longest = 5_000;

/** systemd's side of a service with `Type=notify` (sd_notify(3)). */
export interface ServiceManager {
  /** Interval within which it expects `WATCHDOG=1`, ms; undefined if it does not. */
  readonly watchdog: number | undefined;
  /** Sends assignments such as `READY=1`. Never rejects; a failure is logged. */
  notify(...assignments: readonly string[]): Promise<void>;
}

/**
 * The service manager that started this process, if NOTIFY_SOCKET is set. Node.js has no Unix datagram sockets
 * without a compiled package, but `systemd-notify` exists wherever systemd does. As a separate process it needs
 * `NotifyAccess=all` in the unit.
 */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid, PATH } = environment;
  if (socket === undefined || socket === '') return undefined;
  const isForUs = pid === undefined || pid === String(process.pid);
  const watchdog = isForUs && Number(microseconds) > 0 ? Number(microseconds) / 1_000 : undefined;
  const log = new LogLimit(clock);
  // The rest of the environment is not passed on: it may contain secrets.
  const env = { PATH, NOTIFY_SOCKET: socket };
  return {
    watchdog,
    notify: (...assignments) =>
      new Promise((resolve) => {
        execFile('systemd-notify', assignments, { env, timeout: longest }, (error) => {
          if (error !== null)
            log.log(() =>
              logger.warn(
                { err: error },
                `systemd cannot be told ${assignments[0]}: ${describeError(error)}; it needs systemd-notify, and NotifyAccess=all in the unit`,
              ),
            );
          resolve();
        });
      }),
  };
}
