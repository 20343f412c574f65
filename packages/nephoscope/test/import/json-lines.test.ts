import { createHash } from 'node:crypto';

import { parseTimestamp } from '@nephoscope/core';
import { checkSample, isJsonObject, parseJson, signJsonMessage } from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

import { exportFormats, sampleRows } from '../../src/export/sample-rows.js';
import { sampleOf } from '../sample.js';
import { allOf, imported, problemsOf, samplesOf, signer, verifier } from './entries.js';

/** As `/v2/samples` gives it. */
const v2 = {
  ...{ id: '8db08c68-bc70-11e4-a8c4-fa163e1d1a9b', meter: 'cpu', type: 'cumulative', unit: 'ns', volume: 5 },
  ...{ user_id: 'u', project_id: 'p', resource_id: 'web', source: 'openstack', recorded_at: null },
  ...{ timestamp: '2015-02-24T22:00:32.747930', metadata: { 'flavor.name': 'm1.tiny' } },
};
const line = (fields: object) => JSON.stringify({ ...v2, ...fields });

it('takes over samples of /v2/samples: signed, with their id, owner, time and the name of their origin', async () => {
  const { entries, leftOut } = await imported(line({}));
  expect(entries).toMatchObject([{ place: 'FILE:1', takenOver: true }]);
  const [sample] = samplesOf(entries);
  expect(sample).toMatchObject({
    ...{ messageId: v2.id, meter: 'cpu', type: 'cumulative', unit: 'ns', volume: '5', source: 'openstack' },
    ...{ userId: 'u', projectId: 'p', resourceId: 'web', timestamp: parseTimestamp(v2.timestamp) },
    ...{ publisherId: 'import/ceilometer', sequence: null, epoch: null },
  });
  expect(sample && checkSample(sample, verifier)).toEqual({ form: 'canonical' });
  expect(JSON.parse(sample?.text ?? '')).toMatchObject({
    resource_metadata: { 'flavor.name': 'm1.tiny', taken_over_from: 'ceilometer' },
  });
  expect(leftOut).toEqual(['recorded_at']);
});

it('takes over samples by the names of messages, /v1 and /v2/meters, with the same result', async () => {
  const { id, meter, type, unit, volume, metadata, recorded_at: _, ...rest } = v2;
  const old = {
    ...{ message_id: id, counter_name: meter, counter_type: type, counter_unit: unit, counter_volume: volume },
    ...{ resource_metadata: metadata, ...rest },
  };
  const [one] = samplesOf((await imported(JSON.stringify(old))).entries);
  const [other] = samplesOf((await imported(line({}))).entries);
  expect(one).toEqual(other);
});

it.each([
  '8.292646586825371e+18',
  '8292646586825371460',
  '1e-07',
  '0.1000',
  '-0.0',
  '123456789.123456789123456789',
])('keeps the digits of the volume %s', async (volume) => {
  const text = line({}).replace('"volume":5', `"volume":${volume}`);
  const [sample] = samplesOf((await imported(text)).entries);
  expect(sample?.volume).toBe(volume);
  expect(sample?.text).toContain(`"counter_volume":${volume},`);
});

it.each(['1e999999999', '-1e100000', '1e-401', `0.${'0'.repeat(499)}1`])(
  'refuses the line with the volume %s, and takes the others',
  async (volume) => {
    const signed = sampleOf({}).text.replace(/"counter_volume":[^,]+/, `"counter_volume":${volume}`);
    const own = signJsonMessage(
      new Map([...(parseJson(signed) as JsonObject)].filter(([key]) => key !== 'message_signature')),
      signer,
    );
    const other = line({ id: 'bad' }).replace('"volume":5', `"volume":${volume}`);
    const { entries } = await imported([own, other, line({})].join('\n'));
    expect(samplesOf(entries)).toMatchObject([{ volume: '5' }]);
    expect(problemsOf(entries)).toEqual([
      expect.stringMatching(/^FILE:1 .*counter_volume is .*400 digits/),
      expect.stringMatching(/^FILE:2 .*counter_volume is .*400 digits/),
    ]);
  },
);

it('reads the pages of an API, which are arrays, and blank lines', async () => {
  const page = (...ids: string[]) => `[${ids.map((id) => line({ id })).join(', ')}]`;
  const { entries } = await imported(`${page('a', 'b')}\n\n[]\n${page('c')}\r\n`);
  expect(entries.map(({ place }) => place)).toEqual(['FILE:1 item 1', 'FILE:1 item 2', 'FILE:4 item 1']);
  expect(samplesOf(entries).map(({ messageId }) => messageId)).toEqual(['a', 'b', 'c']);
});

it('says of each line that it cannot read which it is and why, and goes on', async () => {
  const lines: (string | Buffer)[] = [
    line({ id: undefined }),
    line({ volume: null }),
    line({ volume: '5' }),
    line({ type: 'counter' }),
    line({ timestamp: 'yesterday' }),
    line({ metadata: 'x' }),
    line({ metadata: { taken_over_from: 'x' } }),
    '[1]',
    '{"a": NaN}',
    line({}).slice(0, 50),
    Buffer.from([0x22, 0xff, 0x22]),
    line({ resource_id: 'x'.repeat(2 ** 20) }),
    line({}),
  ];
  const { entries } = await imported(Buffer.concat(lines.flatMap((one) => [Buffer.from(one), Buffer.from('\n')])));
  expect(problemsOf(entries).map((text) => text.slice(0, 110))).toEqual([
    'FILE:1 it has no message_id, so that it could not be recorded once only',
    'FILE:2 counter_volume is null: nothing was measured',
    'FILE:3 unreadable metering message: counter_volume is not a number',
    'FILE:4 unreadable metering message: counter_type is not one of cumulative, delta, gauge',
    expect.stringContaining("FILE:5 'yesterday' is not an ISO 8601 time"),
    'FILE:6 its metadata are not an object',
    'FILE:7 its metadata have taken_over_from already: it was taken over before',
    'FILE:8 item 1 it is not a JSON object',
    expect.stringContaining('FILE:9 not JSON'),
    expect.stringContaining('FILE:10 not JSON'),
    'FILE:11 it is not UTF-8',
    'FILE:12 it is longer than 1048576 bytes',
  ]);
  expect(samplesOf(entries)).toHaveLength(1);
});

describe('messages of Nephoscope', () => {
  const own = sampleOf({ volume: 18_446_744_073_709_551_615n }, { epoch: 'run-1' });

  it('are recorded as they were signed', async () => {
    const { entries } = await imported(own.text);
    expect(entries).toEqual([{ place: 'FILE:1', sample: own, takenOver: false }]);
  });

  it.each([
    ['changed', own.text.replace('"counter_volume":1', '"counter_volume":2'), 'the signature does not hold'],
    ['unsigned', own.text.replace(/,"message_signature":"\w+"/, ''), 'the message has no signature'],
    [
      'without the names of their signature',
      own.text.replace(/"signature_\w+":"[^"]+",/g, ''),
      'the signature does not hold',
    ],
    ['in an array', `[${own.text}]`, 'it is not on a line of its own'],
  ])('are refused when they are %s', async (_, text, reason) => {
    const { entries } = await imported(text);
    expect(samplesOf(entries)).toEqual([]);
    expect(problemsOf(entries)[0]).toContain(`it is a message of Nephoscope, and ${reason}`);
  });
});

it('what Ceilometer signed with a known secret is recorded as it is, unless it could be another message', async () => {
  const plain = sampleOf({}, {}, 'ceilometer');
  const { text } = sampleOf({ resourceMetadata: { z: '' } }, {}, 'ceilometer');
  const moved = text.replace('"z":""', '"z":"sequence1"').replace('"sequence":1,', '');
  const { entries } = await imported(`${plain.text}\n${moved}\n`);
  expect(entries[0]).toEqual({ place: 'FILE:1', sample: plain, takenOver: false });
  expect(problemsOf(entries)).toEqual([
    expect.stringContaining(
      "FILE:2 its signature is valid, but in Ceilometer's form the signed text could also be another message",
    ),
  ]);
});

describe('an export', () => {
  const samples = ['a', 'b', 'c'].map((messageId) => sampleOf({}, { messageId }));
  async function* stream() {
    for (const sample of samples) yield await Promise.resolve(sample);
  }
  const exported = async () => (await allOf(exportFormats.ndjson({ ...sampleRows, items: stream() }))).join('');

  it('ends with the number of samples and the SHA-256 of what is before', async () => {
    const text = await exported();
    const lines = text.split('\n');
    expect(lines.slice(0, 3)).toEqual(samples.map((sample) => sample.text));
    const before = text.slice(0, text.indexOf('{"end"'));
    expect(JSON.parse(lines[3] ?? '')).toEqual({
      end: { count: 3, sha256: createHash('sha256').update(before).digest('hex') },
    });
    expect(lines.slice(4)).toEqual(['']);
  });

  it('is imported whole, also several in one file', async () => {
    const text = await exported();
    const { entries, notes } = await imported(text + text);
    expect(samplesOf(entries)).toEqual([...samples, ...samples]);
    expect(notes).toEqual([]);
  });

  it.each([
    ['a line is gone', (text: string) => text.slice(text.indexOf('\n') + 1)],
    ['a line is there twice', (text: string) => text.slice(0, text.indexOf('\n') + 1) + text],
    ['a blank was added', (text: string) => text.replace('{', '{ ')],
  ])('is not complete when %s', async (_, change) => {
    await expect(imported(change(await exported()))).rejects.toMatchObject({ code: 'EXPORT_INCOMPLETE' });
  });

  it('that was cut is noticed at every length', async () => {
    const text = await exported();
    for (let length = 1; length < text.length - 1; length += 97) {
      const { entries, notes } = await imported(text.slice(0, length));
      expect(notes.length + problemsOf(entries).length).toBeGreaterThan(0);
    }
  });

  it('as CSV has every field, and is not taken for samples of another system', async () => {
    const csv = (await allOf(exportFormats.csv({ ...sampleRows, items: stream() }))).join('');
    const [head, first] = csv.split('\n');
    expect(head).toBe(
      'message_id,source,counter_name,counter_type,counter_unit,counter_volume,user_id,project_id,resource_id,timestamp,publisher_id,sequence,epoch,resource_metadata',
    );
    expect(first).toBe(
      'a,openstack,cpu,cumulative,ns,1,user,project,instance-1,2001-09-09T01:46:40.000000+00:00,test/1,1,,"{""display_name"":""web""}"',
    );
    expect(csv).toMatch(/\n#end,count=3,sha256=[0-9a-f]{64}\n$/);
    await expect(imported(csv)).rejects.toMatchObject({ code: 'IMPORT_UNREADABLE' });
  });
});

it('an empty file is no failure, and is said', async () => {
  expect(await imported('')).toEqual({ entries: [], leftOut: [], notes: ['FILE is empty'] });
});

it('takes over nothing that another reader would read differently', async () => {
  const { entries } = await imported(line({}).replace('{', '{"volume": 6, '));
  expect(problemsOf(entries)[0]).toContain('a key that stands in its object already');
  expect(isJsonObject(parseJson(line({})))).toBe(true);
});
