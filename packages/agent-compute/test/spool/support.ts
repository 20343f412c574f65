import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Counter, CounterType } from '@nephoscope/core';
import { ceilometerWire, nephoscopeWire } from '@nephoscope/message';
import type { MeteringWire } from '@nephoscope/message';
import { exampleInstance, FakeBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Failures } from '../../src/failures.js';
import { MessageWriter } from '../../src/message-writer.js';
import { createAgentMetrics } from '../../src/metrics.js';
import { Dropped } from '../../src/spool/dropped.js';
import type { SpoolMessage } from '../../src/spool/record.js';
import { readSegment } from '../../src/spool/segment.js';
import { Sender } from '../../src/spool/sender.js';
import { Spool } from '../../src/spool/spool.js';
import type { SpoolOptions } from '../../src/spool/thinner.js';
import { atOneMoment, signer } from '../support.js';

export const never = new AbortController().signal;

/** Not a metering message; it is kept unchanged. */
export const plain = (text: string, last = 0n): SpoolMessage => ({
  exchange: 'ceilometer',
  routingKey: 'metering.cpu',
  contentType: 'text/plain',
  body: Buffer.from(text),
  samples: 1,
  last,
});

export const textOf = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString('utf8');

/** The segments of a spool, with their readable records. */
export function onDisk(folder: string) {
  return atOneMoment(folder, () =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.seg'))
      .sort()
      .map((name) => ({ name, ...readSegment(readFileSync(join(folder, name))) })),
  );
}

export interface SpoolFields extends Partial<SpoolOptions> {
  readonly folder: string;
  readonly clock?: FakeClock;
  readonly wire?: 'nephoscope' | 'ceilometer';
  readonly totals?: Record<string, bigint>;
  readonly sequence?: bigint;
}

/** A spool, a writer that makes messages for it, and everything a test can observe. */
export async function openSpool(fields: SpoolFields) {
  const { folder, clock = new FakeClock(), wire = 'nephoscope', totals = {}, sequence = 0n } = fields;
  const { maxBytes = 2 ** 32, maxAge = 30 * 86_400_000 } = fields;
  const registry = new Registry();
  const metrics = createAgentMetrics(registry);
  const logger = new RecordingLogger();
  const wires: readonly MeteringWire[] = [nephoscopeWire, ceilometerWire({ publisherId: 'tests', clock })];
  const writer = new MessageWriter(
    {
      source: 'openstack',
      publisher: 'compute.host-1',
      signer,
      wire: () => wires[wire === 'nephoscope' ? 0 : 1]!,
    },
    { agentId: 'agent-1', sequence, epochs: {} },
  );
  const dropped = new Dropped(totals);
  const saved: Record<string, bigint>[] = [];
  const spool = await Spool.open(
    {
      folder,
      options: { maxBytes, maxAge },
      dropped,
      report: (total) => writer.report(total, clock.now()),
      wireOf: (contentType) => wires.find((one) => one.contentType === contentType),
      saveTotals: () => {
        saved.push(dropped.totals);
        return Promise.resolve();
      },
      clock,
      logger,
      metrics,
    },
    sequence,
  );
  writer.continueFrom(spool.sequence);
  const failures = new Failures(metrics, logger);
  const write = (counters: readonly Counter[], run = 'boot-1/1') =>
    writer.write(writer.label([{ instance: exampleInstance({ run }), pollster: 'test', counters }], 0), failures);
  const send = (bus = new FakeBus()) => ({ bus, sender: new Sender({ spool, bus, clock, logger, metrics }) });
  const told = (level: string) =>
    logger.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  return { spool, writer, write, send, clock, registry, told, dropped, saved, folder };
}

export function counterAt(
  clock: FakeClock,
  name: string,
  type: CounterType,
  volume: number | bigint,
  resourceId: string,
): Counter {
  return {
    name,
    type,
    unit: 'x',
    volume,
    userId: 'u',
    projectId: 'p',
    resourceId,
    timestamp: clock.now(),
    resourceMetadata: { display_name: 'a name of usual length' },
  };
}
