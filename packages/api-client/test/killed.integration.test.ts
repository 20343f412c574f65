import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { Sample } from '@nephoscope/core/sample-store';

import { signed } from '../../api/test/v3/serve.js';
import { Stores } from '../../api/test/store.js';
import { readExport } from '../src/index.js';

const stores = new Stores();
// More than the program and the buffers of a connection hold.
const count = 40_000;
let api: ChildProcess;
let url: string;

beforeAll(async () => {
  await stores.prepare();
  const one = signed(1);
  const samples = Array.from({ length: count }, (_, at): Sample => {
    const messageId = `web/cpu/${at}`;
    return { ...one, messageId, sequence: BigInt(at), timestamp: one.timestamp + BigInt(at) };
  });
  await (await stores.readerOf(samples)).stop();
  const configuration = join(stores.folder, 'api.yaml');
  // It is used only where samples are posted.
  const bus = { url: 'amqp://127.0.0.1:1' };
  const storage = { url: `sqlite:${join(stores.folder, `${stores.count}.db`)}` };
  await writeFile(configuration, JSON.stringify({ storage, bus, api: { port: 0 }, status: { port: 0 } }));
  // The program as it is built and started.
  const program = fileURLToPath(new URL('../../api/bin/nephoscope-api', import.meta.url));
  api = spawn(program, ['--config', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  for await (const line of createInterface({ input: api.stderr as NodeJS.ReadableStream })) {
    log += `${line}\n`;
    url = /"url":"(http[^"]*)"/.exec(line)?.[1] ?? '';
    if (url !== '') break;
  }
  if (url === '') throw new Error(`the API did not start:\n${log}`);
  api.stderr?.resume();
});
afterAll(async () => {
  const ended = once(api, 'exit');
  if (api.exitCode === null && api.signalCode === null) {
    api.kill('SIGKILL');
    await ended;
  }
  stores.remove();
});

const ask = () => fetch(`${url}/v3/samples`, { headers: { accept: 'application/x-ndjson' } });

async function rowsOf(response: Response, after: (rows: number) => Promise<void> | void): Promise<number> {
  let rows = 0;
  for await (const _row of readExport(response)) {
    rows += 1;
    await after(rows);
  }
  return rows;
}

it('an export of a program that is frozen for a time is whole', async () => {
  const rows = await rowsOf(await ask(), async (at) => {
    if (at !== 100) return;
    api.kill('SIGSTOP');
    await sleep(1_000);
    api.kill('SIGCONT');
  });
  expect(rows).toBe(count);
});

it('an export of a program that is killed is not taken for a whole one', async () => {
  let read = 0;
  const killed = rowsOf(await ask(), async (rows) => {
    read = rows;
    if (rows !== 100) return;
    api.kill('SIGKILL');
    await once(api, 'exit');
  });
  await expect(killed).rejects.toMatchObject({ code: 'EXPORT_CUT' });
  expect(read).toBeLessThan(count);
});
