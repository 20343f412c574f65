import { join } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import { exampleInstance, FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Failures } from '../src/failures.js';
import { Intake } from '../src/intake.js';
import { createAgentMetrics } from '../src/metrics.js';
import type { SpoolMessage } from '../src/spool/record.js';
import type { Spool } from '../src/spool/spool.js';
import { counterAt, openSpool } from './spool/support.js';
import { counted, sequences, temporaryFolder, ticks, until } from './support.js';

const root = temporaryFolder();
let count = 0;
const never = new AbortController().signal;
const opened: Spool[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((spool) => spool.close()));
});

async function taking(fail: () => boolean = () => false, disk: () => Promise<void> = () => ticks(1)) {
  const clock = new FakeClock();
  const { spool, writer } = await openSpool({ folder: join(root, String(++count)), clock });
  opened.push(spool);
  const appended: SpoolMessage[] = [];
  const saves: bigint[] = [];
  const failing = {
    append: async (messages: readonly SpoolMessage[], signal: AbortSignal) => {
      await disk();
      if (fail()) throw new NephoscopeError('SPOOL_UNAVAILABLE', 'no space');
      await spool.append(messages, signal);
      appended.push(...messages);
    },
  } as unknown as Spool;
  const logger = new RecordingLogger();
  const saveEpochs = () => {
    saves.push(writer.sequence);
    return Promise.resolve();
  };
  const intake = new Intake({ writer, spool: failing, saveEpochs, clock, logger });
  const failures = new Failures(createAgentMetrics(new Registry()), logger);
  const take = (samples: number, signal = never) => {
    const counters: Counter[] = Array.from({ length: samples }, () => counterAt(clock, 'cpu', 'gauge', 1, 'vm'));
    const labelled = writer.label([{ instance: exampleInstance(), pollster: 'test', counters }], 0);
    return intake.take(labelled, failures, signal);
  };
  return { intake, take, clock, appended, saves, writer };
}

it('numbers samples of concurrent cycles and single readings without a gap, even if some are not accepted', async () => {
  let tries = 0;
  const { appended, take, writer } = await taking(() => ++tries % 3 === 0);
  const over = AbortSignal.abort(new Error('the time is over'));
  const results = await Promise.allSettled(counted(20).map((size) => take(size, over)));
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  expect(failed).toHaveLength(6);
  for (const reason of failed)
    expect(reason).toMatchObject({ code: 'SPOOL_UNAVAILABLE', message: 'no space; given up: the time is over' });
  const numbers = sequences(appended);
  expect(numbers).toEqual(counted(numbers.length));
  expect(writer.sequence).toBe(BigInt(numbers.length));
});

it('retries with the same messages until the time is over, and reports it meanwhile', async () => {
  let tries = 0;
  const { appended, clock, intake, saves, take } = await taking(() => ++tries < 4);
  const done = take(3);
  await until('there was a try', () => !intake.health().ok);
  expect(intake.health()).toEqual({ ok: false, reason: 'no samples can be accepted: no space' });
  await until('it is taken', async () => {
    await clock.advance(500);
    return appended.length > 0;
  });
  expect(await done).toBe(3);
  expect(sequences(appended)).toEqual([1, 2, 3]);
  expect(intake.health()).toEqual({ ok: true });
  expect(saves).toHaveLength(4);
});

it('reports since when the disk has not responded, and accepts the samples when it does', async () => {
  let letGo: () => void = () => undefined;
  const { appended, clock, intake, take } = await taking(
    () => false,
    () => new Promise((resolve) => (letGo = resolve)),
  );
  const since = new Date(Number(clock.now() / 1_000_000n)).toISOString();
  const taken = take(3);
  await ticks(5);
  await clock.advance(9_000);
  expect(intake.health()).toEqual({ ok: true });
  await clock.advance(2_000);
  const reason = `the state directory has not accepted what was written since ${since}, which may take 10 s`;
  expect(intake.health()).toMatchObject({ ok: false, reason, since, isStuck: false });
  letGo();
  expect(await taken).toBe(3);
  expect(appended).toHaveLength(1);
  expect(intake.health()).toEqual({ ok: true });
});
