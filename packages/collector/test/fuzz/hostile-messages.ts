import { readdirSync, readFileSync } from 'node:fs';

import { Secret } from '@nephoscope/core/options';
import { encodeMeteringBatch, meteringContentType } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

import { line } from '../support.js';

export interface HostileMessage {
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The secret that signed Ceilometer's own messages in `data/ceilometer`. */
export const labSecret = new Secret('lab-secret');

const folder = new URL('../data/ceilometer/', import.meta.url);
const captures = readdirSync(folder).map(
  (name) => (JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { body: string }).body,
);

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'message_signature',
  'counter_volume',
  '',
];
const numbers = [
  '1e999999',
  '-0',
  '9'.repeat(30),
  '9'.repeat(5_000),
  '1E-400',
  '01',
  '0x10',
  'NaN',
  '18446744073709551616',
];
const snippets = [
  ...names.map((name) => `"${name}":{}`),
  ...numbers,
  '\u0000',
  '\ufeff',
  '"\\ud800"',
  '\\u0000',
  '\n',
  '\r\n',
  '\n\n\n',
  '\u2028',
  '"',
  '\\',
  '{',
  '}]',
  ',',
  ':null',
  '{"oslo.version":"2.0","oslo.message":"',
  '"args":{"data":[',
  '"payload":[',
];

/** Random and mutated messages in all wire forms; the same for the same seed. */
export function hostileMessages(seed: number): () => HostileMessage {
  const generator = xoroshiro128plus(seed);
  const int = (below: number) => uniformInt(generator, 0, below - 1);
  const one = <T>(items: readonly T[]): T => items[int(items.length)] as T;
  const pool = Array.from({ length: 200 }, (_, n) =>
    line({ id: `fuzz-${seed}-${n}`, volume: BigInt(n), form: one<SignatureForm>(['canonical', 'ceilometer']) }),
  );
  const lines = () => Array.from({ length: 1 + int(3) }, () => one(pool));
  const envelope = (message: string) => JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
  const cast = () => `{"method":"record_metering_data","version":"1.0","args":{"data":[${lines().join(',')}]}}`;
  const notification = () => `{"event_type":"telemetry.polling","payload":{"samples":[${lines().join(',')}]}}`;
  const forms: readonly (() => string | Uint8Array)[] = [
    () => encodeMeteringBatch(lines()),
    () => encodeMeteringBatch(lines()),
    cast,
    notification,
    () => envelope(cast()),
    () => envelope(notification()),
    () => one(captures),
    () => one(pool),
  ];

  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => int(256)));
  const insert = (body: Buffer, what: Uint8Array) => {
    const at = int(body.length + 1);
    return Buffer.concat([body.subarray(0, at), what, body.subarray(at)]);
  };
  const piece = (body: Buffer) => {
    const start = int(body.length + 1);
    return body.subarray(start, start + int(200));
  };
  const replaceAll = (body: Buffer, pattern: RegExp, by: string) =>
    Buffer.from(body.toString('latin1').replace(pattern, by.replaceAll('$', '$$$$')), 'latin1');
  const mutations: readonly ((body: Buffer) => Buffer)[] = [
    (body) => body.subarray(0, int(body.length + 1)),
    (body) => body.subarray(int(body.length + 1)),
    (body) => insert(body, bytes(1 + int(8))),
    (body) => insert(body, Buffer.from(one(snippets))),
    (body) => insert(body, piece(body)),
    (body) => {
      const changed = Buffer.from(body);
      if (changed.length > 0) changed[int(changed.length)] = int(256);
      return changed;
    },
    (body) => {
      const start = int(body.length + 1);
      return Buffer.concat([body.subarray(0, start), body.subarray(start + int(50))]);
    },
    (body) => replaceAll(body, /\d+/, one(numbers)),
    (body) => replaceAll(body, /"[a-z_]+"(?=:)/, JSON.stringify(one(names))),
    (body) => replaceAll(body, /("[a-z_]+"):/, `${JSON.stringify(one(names))}:1,$1:`),
    (body) => insert(body, Buffer.from(one(['[', '{"a":', '[{"":']).repeat(1 << int(13)))),
    (body) => Buffer.concat([body, Buffer.from(one(['', '\n', ','])), Buffer.from(one(forms)())]),
    (body) => replaceAll(body, /"[^"]*"/, `"${'x'.repeat(1 << int(14))}"`),
  ];
  const contentTypes = [meteringContentType, meteringContentType, 'application/json', undefined];
  const oddTypes = [
    '',
    ' Application/JSON ; charset=latin1',
    'text/plain',
    `${meteringContentType};;=`,
    '\u0000',
    '__proto__',
  ];
  const headerValues = [null, true, -1, 1.5, 'x'.repeat(2_000), { a: { b: ['c'] } }, Buffer.from([0xff])];

  return () => {
    let body: Buffer = int(20) === 0 ? bytes(int(300)) : Buffer.from(one(forms)());
    for (let left = int(4); left > 0; left--) body = one(mutations)(body);
    return {
      body,
      contentType: int(8) === 0 ? one(oddTypes) : one(contentTypes),
      routingKey: one(['metering.cpu', 'metering', 'notifications.sample', 'metering.__proto__']),
      headers: Object.fromEntries(
        Array.from({ length: int(4) }, () => [
          one(['x-reason', 'x-death', ...names.slice(0, 4)]),
          one(headerValues),
        ]),
      ),
    };
  };
}
