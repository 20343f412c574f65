import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Served } from '../../api/test/v3/serve.js';
import { serve, signed } from '../../api/test/v3/serve.js';
import { Stores } from '../../api/test/store.js';
import { createClient, readExport } from '../src/index.js';

const stores = new Stores();
let served: Served;
beforeAll(async () => {
  await stores.prepare();
  served = await serve(await stores.readerOf(Array.from({ length: 3_000 }, (_, at) => signed(at))));
});
afterAll(async () => {
  await served.close();
  stores.remove();
});

it('asks with the types of the document', async () => {
  const client = createClient({ baseUrl: served.url, token: 'none is needed' });
  const { data } = await client.GET('/v3/usage', {
    params: { query: { meter: ['cpu'], month: '2026-10', group_by: ['project', 'resource'], period: 'day' } },
  });
  expect(data?.figures).toHaveLength(31);
  expect(data?.totals[0]).toMatchObject({ value: '744', unit: 'ns' });
  const { data: one } = await client.GET('/v3/samples/{message_id}', {
    params: { path: { message_id: 'web/cpu/7' } },
  });
  expect(one?.signature.state).toBe('verified');
  const { error, response } = await client.GET('/v3/usage', { params: { query: {} } });
  expect([response.status, error?.type]).toEqual([400, 'urn:nephoscope:problem:invalid-parameters']);
});

describe('readExport', () => {
  const exported = async () => {
    const response = await fetch(`${served.url}/v3/samples`, { headers: { accept: 'application/x-ndjson' } });
    return await response.text();
  };
  const read = async (response: Response) => {
    let count = 0;
    for await (const row of readExport(response)) count += Number(row !== null);
    return count;
  };

  it('reads what is whole', async () => {
    expect(await read(new Response(await exported()))).toBe(3_000);
    expect(
      await read(
        await fetch(`${served.url}/v3/samples?meter=none`, { headers: { accept: 'application/x-ndjson' } }),
      ),
    ).toBe(0);
  });

  it.each<[string, (text: string) => string, string]>([
    ['cut at a line', (text) => text.slice(0, text.indexOf('\n') + 1), 'its last line is missing, after 1 rows'],
    ['cut within a line', (text) => text.slice(0, 1_000), 'it ends within a line'],
    ['nothing at all', () => '', 'its last line is missing'],
    ['a line less', (text) => text.slice(text.indexOf('\n') + 1), 'it has 2999 rows instead of 3000'],
    ['a digit changed', (text) => text.replace('"volume":"29"', '"volume":"28"'), 'not those that were sent'],
    ['more after its end', (text) => `${text}{}\n`, 'something follows'],
    ['another answer', () => 'not found\n', 'not JSON'],
  ])('finds what is not: %s', async (_, change, reason) => {
    await expect(read(new Response(change(await exported())))).rejects.toMatchObject({
      code: 'EXPORT_CUT',
      message: expect.stringContaining(reason) as string,
    });
  });

  it('finds a connection that breaks', async () => {
    const half = (await exported()).slice(0, 100_000);
    const server = createServer((_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write(half, () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await expect(read(response)).rejects.toMatchObject({ code: 'EXPORT_CUT' });
    server.close();
  });

  it('an error of the API is none', async () => {
    const response = await fetch(`${served.url}/v3/samples?limit=0`, {
      headers: { accept: 'application/x-ndjson' },
    });
    await expect(read(response)).rejects.toMatchObject({ code: 'EXPORT_REFUSED' });
  });
});
