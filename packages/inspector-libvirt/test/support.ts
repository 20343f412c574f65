import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock, Logger } from '@nephoscope/core';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';

import { LibvirtInspector } from '../src/index.js';
import { options as schema } from '../src/options.js';

export const allParts: ReadonlySet<InstancePart> = new Set(['cpu', 'memory', 'disks', 'vnics']);

export const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => process.hrtime.bigint(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
  },
};

export interface TestInspector {
  readonly inspector: LibvirtInspector;
  /** Messages logged for operators, each after its level. */
  readonly logged: string[];
  /** Reads all parts, or those given. */
  read(parts?: ReadonlySet<InstancePart>): Promise<readonly InstanceReading[]>;
}

/** @param options the plugin's options, and how many seconds a reading may take before hung guests are skipped */
export function inspectorOf(
  uri: string,
  { deadline = 1, ...options }: Record<string, unknown> & { readonly deadline?: number } = {},
  within = 3_000,
): TestInspector {
  const logged: string[] = [];
  const log = (level: string) => (_fields: unknown, message: string) => void logged.push(`${level}: ${message}`);
  const logger: Logger = { debug: () => undefined, info: log('info'), warn: log('warn'), error: log('error') };
  const settings = { options: schema.parse({ uri, ...options }), logger, clock, host: 'compute-1' };
  const inspector = new LibvirtInspector(settings, deadline * 1_000);
  const { signal } = new AbortController();
  return { inspector, logged, read: (parts = allParts) => inspector.inspect(parts, signal, within) };
}

/** Waits until the condition is true. An abandoned wait ends too, so that it does not keep the process running. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 25_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within 25 s: ${holds}`);
    await sleep(5);
  }
}

export const named = (readings: readonly InstanceReading[], name: string): InstanceReading => {
  const reading = readings.find(({ instance }) => instance.name === name);
  if (reading === undefined)
    throw new Error(`no ${name} among ${readings.map(({ instance }) => instance.name).join(', ')}`);
  return reading;
};
