import { exampleSample } from '@nephoscope/testing';

import { sqliteDatabases } from '../../../tools/api-cases/databases.js';
import { identityHeader, serve } from '../../../tools/api-cases/served.js';

import { exposition } from '../src/prometheus/exposition.js';
import type { Format } from '../src/prometheus/exposition.js';
import { latestSamples } from '../src/prometheus/latest.js';
import type { Latest } from '../src/prometheus/latest.js';
import { Stores } from './store.js';

const stores = new Stores();
beforeAll(() => stores.prepare());
afterAll(() => stores.remove());

const second = 1_000_000_000n;
const sample = (id: string, at: number, fields: Partial<Parameters<typeof exampleSample>[0]> = {}) =>
  exampleSample({
    messageId: id,
    timestamp: BigInt(at) * second,
    meter: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    ...fields,
  });

async function latest(samples: readonly ReturnType<typeof sample>[], most = 100): Promise<readonly Latest[]> {
  const reader = await stores.readerOf(samples);
  const { signal } = new AbortController();
  await reader.start(signal);
  try {
    return await latestSamples(reader, { scope: 'all' }, most, signal);
  } finally {
    await reader.stop();
  }
}

async function textOf(series: readonly Latest[], format: Format): Promise<string> {
  let text = '';
  for await (const part of exposition(series, format)) text += part;
  return text;
}

it('finds the latest sample of each series, and the end of the run before', async () => {
  const found = await latest([
    sample('a', 10, { epoch: 'boot/1', volume: '900' }),
    sample('b', 20, { epoch: 'boot/1', volume: '950' }),
    sample('c', 30, { epoch: 'boot/2', volume: '1' }),
    sample('d', 40, { epoch: 'boot/2', volume: '2' }),
    sample('e', 35, { epoch: 'boot/1', resourceId: 'other' }),
  ]);
  expect(found.map((one) => [one.sample.messageId, one.createdAfter])).toEqual([
    ['d', 20n * second],
    ['e', undefined],
  ]);
});

it('refuses more series than it may keep', async () => {
  const many = [1, 2, 3].map((n) => sample(`m${n}`, n, { resourceId: `r${n}` }));
  await expect(latest(many, 2)).rejects.toThrow('more than 2 series');
});

it('writes OpenMetrics and the older format, with types, times and every digit', async () => {
  const series: Latest[] = [
    {
      sample: sample('a', 1_350_000_000, {
        ...{
          volume: '9007199254740993',
          projectId: 'p"1\\',
          userId: null,
          resourceId: 'line\nend',
          source: 'openstack',
        },
      }),
      createdAfter: 1_349_999_999_500_000_000n,
    },
    {
      sample: sample('b', 1, {
        ...{
          meter: 'disk.size',
          type: 'gauge',
          unit: 'GB',
          volume: '0.1',
          projectId: 'p',
          userId: 'u',
          resourceId: 'r',
        },
      }),
      createdAfter: undefined,
    },
    {
      sample: sample('c', 1, {
        ...{
          meter: 'disk_size',
          type: 'delta',
          unit: '',
          volume: '5',
          projectId: 'p',
          userId: 'u',
          resourceId: 'r',
        },
      }),
      createdAfter: undefined,
    },
  ];
  const labels = 'meter="cpu",resource_id="line\\nend",project_id="p\\"1\\\\",source="openstack",unit="ns"';
  const others = (meter: string) =>
    `meter="${meter}",resource_id="r",project_id="p",user_id="u",source="openstack"`;
  expect((await textOf(series, 'openmetrics')).split('\n')).toEqual([
    '# TYPE nephoscope_cpu counter',
    `nephoscope_cpu_total{${labels}} 9007199254740993 1350000000.000000000`,
    `nephoscope_cpu_created{${labels}} 1349999999.500000000 1350000000.000000000`,
    '# TYPE nephoscope_disk_size gauge',
    `nephoscope_disk_size{${others('disk.size')},unit="GB"} 0.1 1.000000000`,
    '# TYPE nephoscope_disk_size_delta unknown',
    `nephoscope_disk_size_delta{${others('disk_size')}} 5 1.000000000`,
    '# EOF',
    '',
  ]);
  expect((await textOf(series, 'text')).split('\n')).toEqual([
    '# TYPE nephoscope_cpu_total counter',
    `nephoscope_cpu_total{${labels}} 9007199254740993 1350000000000`,
    '# TYPE nephoscope_disk_size gauge',
    `nephoscope_disk_size{${others('disk.size')},unit="GB"} 0.1 1000`,
    '# TYPE nephoscope_disk_size_delta untyped',
    `nephoscope_disk_size_delta{${others('disk_size')}} 5 1000`,
    '',
  ]);
});

it('is scraped at /metrics/samples, by a project its own', async () => {
  const databases = await sqliteDatabases();
  const now = Math.floor(Date.now() / 1_000);
  const served = await serve(
    await databases.make([
      sample('a', now - 5, { projectId: 'p1', meter: 'cpu' }),
      sample('b', now - 5, { projectId: 'p2', meter: 'net' }),
      sample('c', now - 5_000, { projectId: 'p1', meter: 'old' }),
    ]),
  );
  const scrape = async (path: string, role: string, accept = '*/*') => {
    const identity = JSON.stringify({ roles: [role], project_id: 'p1', user_id: 'u' });
    const response = await fetch(served.base + path, { headers: { [identityHeader]: identity, accept } });
    const types = (await response.text()).split('\n').filter((line) => /TYPE|error|EOF/.test(line));
    return [response.status, response.headers.get('content-type')?.split(';')[0], ...types];
  };
  expect(await scrape('/metrics/samples', 'member')).toEqual([
    200,
    'text/plain',
    '# TYPE nephoscope_cpu_total counter',
  ]);
  expect(
    await scrape('/metrics/samples?meter=net&meter=x', 'admin', 'application/openmetrics-text;version=1.0.0'),
  ).toEqual([...[200, 'application/openmetrics-text', '# TYPE nephoscope_net counter', '# EOF']]);
  expect(await scrape('/metrics/samples?within=6000&meter=old', 'member')).toHaveLength(3);
  expect(await scrape('/metrics/samples?within=no', 'member')).toEqual([
    400,
    'application/json',
    expect.any(String),
  ]);
  await served.stop();
  await databases.remove();
});
