import { brotliCompressSync, gzipSync } from 'node:zlib';

import { meteringContentType } from '@nephoscope/message';

/** A message from a sender without a key. */
export interface HostileMessage {
  readonly body: Buffer;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

const MiB = 1024 * 1024;
const line = (id: string, more = '', form = 'canonical') =>
  `{"counter_name":"attack.${id}","counter_type":"gauge","counter_unit":"B","counter_volume":1,"message_id":"${id}",` +
  `"resource_id":"r","resource_metadata":{},"signature_form":"${form}","source":"openstack",` +
  `"timestamp":"2026-11-22T21:00:00.194936+00:00"${more},"message_signature":"${'0'.repeat(64)}"}`;
const members = (count: number, key: (n: number) => string) =>
  `{${Array.from({ length: count }, (_, n) => `"${key(n)}":0`).join(',')}}`;
const unsorted = (n: number) => ((n * 7_919) % 1_679_616).toString(36);
const polling = (samples: string) =>
  JSON.stringify({
    'oslo.version': '2.0',
    'oslo.message': `{"event_type":"telemetry.polling","payload":{"samples":[${samples}]}}`,
  });
const asLines = (...lines: readonly string[]): HostileMessage => ({
  body: Buffer.from(`${lines.join('\n')}\n`),
  contentType: meteringContentType,
  headers: {},
});
const asDocument = (document: string): HostileMessage => ({
  body: Buffer.from(document),
  contentType: 'application/json',
  headers: {},
});
const compressed = (body: Buffer, compression: string): HostileMessage => ({
  body,
  contentType: meteringContentType,
  headers: { compression },
});

// Created once, because making some of them takes part of a second and all of one kind are alike.
const manyKeys = members(90_000, unsorted);
const collidingKeys = members(48_000, (n) => String((n + 1) * 65_536));
const bzip2Bomb = Buffer.from('QlpoOTFBWSZTWckBtsgBWKtAIMAAEAAACCAAMMwFKaZSSFJsVJIUni7kinChIZIDbZA=', 'base64');

const kinds: Readonly<Record<string, { readonly of: number; make(id: string): HostileMessage }>> = {
  'a forged signature, and a new meter': { of: 40, make: (id) => asLines(line(id)) },
  'no signature': { of: 15, make: (id) => asLines(line(id).replace(/,"message_signature.*/, '}')) },
  'no JSON': { of: 15, make: (id) => asLines(`${line(id)}}`, `{"${id}`) },
  'a document of forged samples': { of: 10, make: (id) => asDocument(polling(`${line(id)},${line(id)}`)) },
  'metadata in metadata': {
    of: 5,
    make: (id) => asLines(line(id, `,"z":${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)),
  },
  'ten thousand digits': { of: 5, make: (id) => asLines(line(id, `,"z":${'9'.repeat(10_000)}`)) },
  'a bomb of gzip': { of: 2, make: () => compressed(gzipSync(Buffer.alloc(MiB, '{"a":1}\n')), 'gzip') },
  'a bomb of brotli': { of: 2, make: () => compressed(brotliCompressSync(Buffer.alloc(MiB, '\n')), 'brotli') },
  'a bomb of bzip2': { of: 1, make: () => compressed(bzip2Bomb, 'bzip2') },
  'many keys, unsorted': { of: 0.15, make: (id) => asLines(line(id, `,"z":${manyKeys}`)) },
  'as many keys as may be': { of: 0.3, make: (id) => asLines(line(id, `,"z":${members(4_900, unsorted)}`)) },
  'keys that collide': { of: 0.2, make: (id) => asLines(line(id, `,"z":${collidingKeys}`)) },
  'a long key in which others stand': {
    of: 0.05,
    make: (id) => asLines(line(id, `,"${'k'.repeat(500_000)}":${members(4_900, unsorted)}`, 'ceilometer')),
  },
  'a large document': { of: 0.015, make: (id) => asDocument(polling(Array(10_000).fill(line(id)).join(','))) },
  'lines of many keys': {
    of: 0.01,
    make: (id) => asLines(...Array.from({ length: 31 }, () => line(id, `,"z":${manyKeys}`))),
  },
  'nothing but a large text': {
    of: 0.01,
    make: (id) => asDocument(`{"pad":"${'x'.repeat(30 * MiB)}","${id}":1}`),
  },
};

const weights = Object.values(kinds);
const sum = weights.reduce((all, { of }) => all + of, 0);

/** Hostile messages of all kinds, by their weights and evenly spread; always the same. */
export function* hostileMessages(count: number): Generator<HostileMessage, void, undefined> {
  const due = weights.map(({ of }) => (of / sum) * 0.5);
  for (let n = 0; n < count; n += 1) {
    weights.forEach(({ of }, at) => (due[at] = (due[at] as number) + of / sum));
    const next = due.indexOf(Math.max(...due));
    due[next] = (due[next] as number) - 1;
    yield (weights[next] as (typeof weights)[number]).make(`m${n}`);
  }
}

/** The same number of small ones, for comparison. */
export function* smallMessages(count: number): Generator<HostileMessage, void, undefined> {
  for (let n = 0; n < count; n += 1) yield asLines(line(`m${n}`));
}
