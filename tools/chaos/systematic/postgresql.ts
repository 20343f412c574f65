import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { RecordResult, Sample, SampleStore } from '@nephoscope/core/sample-store';
import { PostgresqlSampleReader, PostgresqlSampleStore, PostgresqlUrl } from '@nephoscope/storage-sql/testing';
import { exampleSample } from '@nephoscope/testing';
import pg from 'pg';

import { PostgresqlProxy, cuts } from '../../testbed/postgresql-proxy.js';
import type { Cut } from '../../testbed/postgresql-proxy.js';
import { startPostgresql } from '../../testbed/postgresql.js';
import type { Sweep } from './sweep.js';

/** In ms; short, so that a silent connection takes little time. */
const limits = { connect: 2_000, statement: 4_000, silence: 250, rest: 1_500 };
/**
 * The time limit for the store to recover by itself, ms: far more than it needs on a machine that is busy with other tests,
 * because the sweep looks for waits that never end.
 */
const healsWithin = 60_000;
/** The time limit for the store to stop, ms. */
const stopsWithin = 10_000;
const pause = 50;
/** The number of concurrent runs: most of the time they wait. */
const atOnce = 10;

const week = 604_800_000_000_000n;
const clock: Clock = {
  now: () => BigInt(Date.now()) * 1_000_000n,
  monotonic: () => process.hrtime.bigint(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/**
 * Cuts the connection between the store and PostgreSQL at each message of a run, from creating the tables over batches, reading and
 * removal to the stop, in each way. The store must recover by itself, and contain every sample once.
 *
 * @param every only every n-th cut, 1 for all
 */
export async function sweepPostgresql(every: number, signal: AbortSignal): Promise<Sweep> {
  const server = await startPostgresql({
    settings: ['fsync = off', 'full_page_writes = off', 'autovacuum = off', 'max_connections = 200'],
  });
  try {
    const { messages } = await live(server.url, server.port, undefined);
    const places = Array.from({ length: messages }, (_, at) => cuts.map((cut) => ({ at: at + 1, cut }))).flat();
    const chosen = places.filter((_, place) => place % every === 0);
    const wrong: string[] = [];
    let made = 0;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let place = chosen.shift(); place !== undefined; place = chosen.shift()) {
          signal.throwIfAborted();
          const { at, cut } = place;
          const result = await live(server.url, server.port, place);
          if (result.wasCut) made++;
          wrong.push(...result.wrong.map((what) => `message ${at} of ${messages}, ${cut}: ${what}`));
        }
      }),
    );
    return { name: 'PostgreSQL', cuts: made, wrong };
  } finally {
    await server.stop();
  }
}

interface Life {
  readonly messages: number;
  readonly wasCut: boolean;
  readonly wrong: readonly string[];
}

async function live(
  serverUrl: string,
  port: number,
  fault: { readonly at: number; readonly cut: Cut } | undefined,
): Promise<Life> {
  const name = `sweep_${randomUUID().replaceAll('-', '')}`;
  await ask(serverUrl, `create database ${name}`);
  const own = new URL(serverUrl);
  own.pathname = `/${name}`;
  const proxy = await PostgresqlProxy.open(port);
  if (fault !== undefined) proxy.cutAt(fault.at, fault.cut);
  const wrong: string[] = [];
  const store = storeAt(proxy.url(own.href));
  const now = clock.now();
  const [first, old, second, third] = [
    samples(5, now),
    samples(4, now - 10n * week),
    samples(3, now),
    samples(2, now),
  ];
  const batches = [
    [...first, ...old],
    [...second, ...first.slice(0, 2)],
  ];
  try {
    await heals('start', () => store.start(new AbortController().signal), wrong);
    for (const batch of batches) await record(store, batch, wrong);
    const found = await heals('reading', () => all(proxy.url(own.href)), wrong);
    if (found?.length !== 12) wrong.push(`${found?.length} samples of 12 were read`);
    const removed = await heals('removal', () => store.removeBefore(now - 8n * week), wrong);
    // If the removal was cut, its count may be lost.
    if (fault === undefined && removed !== 4) wrong.push(`${removed} samples of 4 were removed`);
    await record(store, third, wrong);
    if (!store.health().ok) wrong.push('it is not well at the end');
  } catch (error) {
    wrong.push(describeError(error));
  }
  const stopping = Date.now();
  await Promise.race([store.stop(), delay(stopsWithin, undefined, { ref: false })]);
  if (Date.now() - stopping >= stopsWithin) wrong.push('it did not stop');
  const messages = proxy.messages;
  const wasCut = !proxy.isArmed;
  await proxy.close();
  await check(own.href, [...first, ...second, ...third], wrong);
  await ask(serverUrl, `drop database ${name} with (force)`);
  return { messages, wasCut, wrong };
}

/** Every sample is there once, nothing else, and no session is left. */
async function check(url: string, expected: readonly Sample[], wrong: string[]): Promise<void> {
  for (const end = Date.now() + healsWithin; ; await delay(pause)) {
    const others = await ask(
      url,
      'select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    if (others.length === 0) break;
    if (Date.now() < end) continue;
    wrong.push(`sessions are left: ${JSON.stringify(others)}`);
    break;
  }
  const found = (await all(url)).map(({ text }) => text).sort();
  const texts = expected.map(({ text }) => text).sort();
  const lost = texts.filter((text) => !found.includes(text)).length;
  if (lost > 0) wrong.push(`${lost} samples are lost`);
  if (found.length - new Set(found).size > 0) wrong.push('some are there twice');
  if (found.length !== texts.length) wrong.push(`${found.length} samples instead of ${texts.length}`);
  const ids = await ask(url, 'select key from message_ids');
  if (ids.length !== texts.length) wrong.push(`${ids.length} message ids instead of ${texts.length}`);
}

async function record(store: SampleStore, batch: readonly Sample[], wrong: string[]): Promise<void> {
  const result = await heals<RecordResult>('a batch', () => store.record(batch), wrong);
  if (result !== undefined && result.recorded + result.duplicates !== batch.length)
    wrong.push(`a batch of ${batch.length} was ${JSON.stringify(result)}`);
}

/** Retries as the collector does, as long as the error is the store's. */
async function heals<T>(what: string, work: () => Promise<T>, wrong: string[]): Promise<T | undefined> {
  const late = Date.now() + healsWithin;
  for (;;) {
    const outcome = await Promise.race([
      work().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
      delay(late - Date.now(), undefined, { ref: false }),
    ]);
    if (outcome === undefined) {
      wrong.push(`${what} never ended`);
      return undefined;
    }
    if ('value' in outcome) return outcome.value;
    const { error } = outcome;
    if (!isNephoscopeError(error, 'STORE_UNAVAILABLE') && !isNephoscopeError(error, 'STORE_BUSY')) {
      wrong.push(`${what}: ${describeError(error)}`);
      return undefined;
    }
    if (Date.now() > late) {
      wrong.push(`${what} does not go on: ${describeError(error)}`);
      return undefined;
    }
    await delay(pause);
  }
}

const quiet = () => undefined;
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

function storeAt(url: string): SampleStore {
  return new PostgresqlSampleStore(
    { url: new PostgresqlUrl(url), tls: {} },
    { logger, clock, host: 'sweep' },
    limits,
  );
}

function samples(count: number, time: bigint): Sample[] {
  return Array.from({ length: count }, (_, at) =>
    exampleSample({ messageId: randomUUID(), resourceId: `r${at}`, timestamp: time + BigInt(at) }),
  );
}

async function all(url: string): Promise<Sample[]> {
  const { signal } = new AbortController();
  const place = { url: new PostgresqlUrl(url), tls: {} };
  const reader = new PostgresqlSampleReader(place, { logger, host: 'sweep' }, limits);
  await reader.start(signal);
  try {
    const found: Sample[] = [];
    for await (const sample of reader.samples({ scope: 'all' }, signal)) found.push(sample);
    return found;
  } finally {
    await reader.stop();
  }
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
