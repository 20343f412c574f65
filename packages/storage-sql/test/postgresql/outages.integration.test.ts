import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startPostgresql } from '../../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../../tools/testbed/postgresql.js';
import { isAlive, waitUntil } from '../../../../tools/testbed/processes.js';
import { all, batch, never, newDatabase, shortLimits, storeAt } from './support.js';
import type { StoreAt } from './support.js';

const unavailable = { code: 'STORE_UNAVAILABLE' };
const stores: StoreAt[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
});

async function started(url: string, options?: Parameters<typeof storeAt>[1]): Promise<StoreAt> {
  const store = storeAt(url, options);
  stores.push(store);
  await store.start(never);
  return store;
}

describe('a server that stops', () => {
  let server: PrivatePostgresql;
  beforeAll(async () => {
    server = await startPostgresql();
  }, 120_000);
  afterAll(() => server.stop());

  it.each(['restart', 'kill'] as const)(
    'by a %s makes calls fail until it is back',
    async (way) => {
      const store = await started(await newDatabase(server.url));
      const [before, during, after] = [batch(10), batch(10), batch(10)];
      await store.record(before);
      await (way === 'kill' ? server.kill() : server.shutDown());
      await expect(store.record(during)).rejects.toMatchObject(unavailable);
      await expect(all(store)).rejects.toMatchObject(unavailable);
      await expect(store.removeBefore(0n)).rejects.toMatchObject(unavailable);
      expect(store.health()).toEqual({ ok: false, reason: expect.stringContaining(`:${server.port}/`) });
      await server.start();
      expect(await store.record(during)).toEqual({ recorded: 10, duplicates: 0 });
      expect(await store.record(after)).toEqual({ recorded: 10, duplicates: 0 });
      expect(store.health()).toEqual({ ok: true });
      expect(await all(store)).toHaveLength(30);
    },
    120_000,
  );

  it('during batches leaves each of them recorded once when failed ones are offered again', async () => {
    const store = await started(await newDatabase(server.url));
    let offered = 0;
    let refused = 0;
    let stopped = false;
    const worker = async () => {
      while (!stopped) {
        const samples = batch(200);
        offered += samples.length;
        for (;;) {
          const result = await store.record(samples).catch((error: unknown) => {
            expect(error).toMatchObject(unavailable);
            refused++;
            return undefined;
          });
          if (result !== undefined) break;
        }
      }
    };
    const workers = [worker(), worker()];
    for (let round = 0; round < 3; round++) {
      const goal = offered + 1_000;
      await waitUntil('batches are recorded', () => offered >= goal);
      await server.kill();
      await server.start();
    }
    stopped = true;
    await Promise.all(workers);
    expect(refused).toBeGreaterThan(0);
    const found = await all(store);
    expect(found).toHaveLength(offered);
    expect(new Set(found.map(({ messageId }) => messageId)).size).toBe(offered);
  }, 120_000);

  it('responding makes calls fail in time, and the batch is recorded once afterwards', async () => {
    const store = await started(await newDatabase(server.url), { within: shortLimits });
    const samples = batch(10);
    await store.record(batch(5));
    await all(store);
    await server.freeze();
    try {
      // On the existing connection, and on a new one.
      await expect(store.record(samples)).rejects.toMatchObject({
        ...unavailable,
        message: expect.stringContaining('no answer'),
      });
      await expect(store.record(samples)).rejects.toMatchObject(unavailable);
      await expect(all(store)).rejects.toMatchObject(unavailable);
    } finally {
      await server.thaw();
    }
    await waitUntil('the batch is recorded', () =>
      store.record(samples).then(
        () => true,
        () => false,
      ),
    );
    expect(await store.record(samples)).toEqual({ recorded: 0, duplicates: 10 });
    expect(await all(store)).toHaveLength(15);
  }, 120_000);

  it('responding does not prevent the store from being stopped', async () => {
    const store = await started(await newDatabase(server.url), { within: shortLimits });
    await all(store);
    await server.freeze();
    try {
      await store.stop();
    } finally {
      await server.thaw();
    }
    expect(store.health().ok).toBe(false);
  }, 60_000);

  it('before the start is reported', async () => {
    const url = await newDatabase(server.url);
    await server.shutDown();
    try {
      await expect(started(url)).rejects.toMatchObject({
        ...unavailable,
        message: expect.stringContaining('connection refused'),
      });
    } finally {
      await server.start();
    }
  }, 60_000);
});

describe('a full disk', () => {
  let disk: string;
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
    chmodSync(folder, 0o755);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', folder]);
    disk = folder;
  });
  afterAll(() => {
    execFileSync('umount', ['--lazy', disk]);
    rmSync(disk, { recursive: true });
  });

  it('refuses batches, and accepts them when there is space again, each once', async () => {
    const settings = ['max_wal_size = 32MB', 'min_wal_size = 32MB'];
    const server = await startPostgresql({ directory: disk, settings });
    try {
      const store = await started(server.url);
      const kept = batch(100);
      await store.record(kept);
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - 1_000_000));
      let offered = kept.length;
      let refused: ReturnType<typeof batch> | undefined;
      for (let at = 0; at < 100 && refused === undefined; at++) {
        const samples = batch(2_000);
        const failure: unknown = await store.record(samples).then(
          () => undefined,
          (error: unknown) => error,
        );
        offered += samples.length;
        if (failure === undefined) continue;
        expect(failure).toMatchObject(unavailable);
        refused = samples;
      }
      expect(refused).toBeDefined();
      expect(store.health().ok).toBe(false);
      rmSync(join(disk, 'filler'));
      // If its log had no space, the server ended itself; a service manager would restart it.
      const pid = await server.pid().catch(() => undefined);
      if (pid === undefined || !(await isAlive(pid))) await server.start();
      await waitUntil('the batch is recorded', () =>
        store.record(refused ?? []).then(
          () => true,
          () => false,
        ),
      );
      expect(await all(store)).toHaveLength(offered);
    } finally {
      await server.stop();
    }
  }, 120_000);
});
