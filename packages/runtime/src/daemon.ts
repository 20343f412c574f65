import { describeError, isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

import { sayable } from './log-line.js';
import { endProcess, guardProcess, refusePlugins } from './process-guard.js';

const stopDeadline = 10_000;

/** Runs until it is finished or `signal` is aborted; resolves when everything it opened is closed. */
export type Main = (signal: AbortSignal) => Promise<void>;

/**
 * Signals without a meaning for our programs. Without a listener they end the process, and SIGUSR1 makes Node open
 * its debugger to everyone on the host.
 */
const withoutMeaning = {
  SIGHUP: 'a changed configuration is read at the next start',
  SIGUSR1: 'it means nothing',
  SIGUSR2: 'it means nothing',
} as const;

/**
 * Runs a program's main function and returns its exit code: 0 if it finished normally or by SIGTERM or SIGINT, 1 if
 * it failed. Further signals have no effect. A program that has not stopped 10 s after the first signal, or whose
 * process is still running 10 s after `main` ended because something was left open, is ended with code 1.
 *
 * SIGHUP, SIGUSR1 and SIGUSR2 are only logged. If the reader of the log, or of what plugins print, is gone, the
 * program continues. Files are created for the program's user only. For protection against plugins see {@link
 * guardProcess}: code that ends the process later with an exit code of its own calls {@link endProcess}.
 */
export async function runToExit(main: Main, logger: () => Logger | undefined): Promise<number> {
  const controller = new AbortController();
  let overdue: NodeJS.Timeout | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    refusePlugins(`process.emit(${name})`);
    if (controller.signal.aborted) return;
    logger()?.info({ signal: name }, 'stopping');
    overdue = endAfterDeadline(`not stopped ${stopDeadline / 1_000} s after ${name}: ended`, logger);
    controller.abort(new NephoscopeError('STOPPED', `stopped by ${name}`));
  };
  const onTerm = () => onSignal('SIGTERM');
  const onInt = () => onSignal('SIGINT');
  const onOther = (signal: NodeJS.Signals) =>
    logger()?.info({ signal }, `ignored ${signal}: ${withoutMeaning[signal as keyof typeof withoutMeaning]}`);
  process.umask(0o077);
  // Node's diagnostic reports contain the environment, which may hold secrets; versions before 22.13 cannot exclude
  // it.
  if ('excludeEnv' in process.report) process.report.excludeEnv = true;
  process.stderr.on('error', () => undefined);
  // A plugin may print to either of them.
  process.stdout.on('error', () => undefined);
  // They stay until the process ends, so that its last actions are not killed by them either.
  for (const signal of Object.keys(withoutMeaning)) process.on(signal, onOther);
  process.on('SIGTERM', onTerm).on('SIGINT', onInt);
  const guard = guardProcess(logger);
  let code = 0;
  try {
    await main(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted || !isNephoscopeError(error, 'STOPPED')) {
      reportFailure(error, logger());
      code = 1;
    }
  } finally {
    guard.release(code);
    clearTimeout(overdue);
    endAfterDeadline(`something was left open ${stopDeadline / 1_000} s after the end: ended`, logger).unref();
    process.off('SIGTERM', onTerm).off('SIGINT', onInt);
  }
  return code;
}

function endAfterDeadline(message: string, logger: () => Logger | undefined): NodeJS.Timeout {
  return setTimeout(() => {
    reportFailure(new NephoscopeError('STOP_TIMEOUT', message), logger());
    endProcess(1);
  }, stopDeadline);
}

/** A failure that the operator can fix is printed as a sentence; anything else is a defect and keeps its stack. */
function reportFailure(error: unknown, logger: Logger | undefined): void {
  if (logger !== undefined) logger.error({ err: error }, describeError(error));
  else if (isNephoscopeError(error)) process.stderr.write(`${sayable(describeError(error))}\n`);
  else
    process.stderr.write(`${sayable(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`);
}
