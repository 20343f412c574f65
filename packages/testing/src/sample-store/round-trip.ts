import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { Secret } from '@nephoscope/core/options';
import { createSigner, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';

import { all, exampleSample, noon, roundTrip } from './support.js';
import type { StoreTests } from './support.js';

/** Recorded samples are returned exactly. */
export function roundTripTests({ describe, it, withStore }: StoreTests): void {
  describe('returns samples unchanged', () => {
    const volumes = [
      '8292646586825371460',
      '1e-07',
      '0.1',
      '1.0',
      '-0',
      '18446744073709551615',
      '0.30000000000000004',
      '1E+400',
      '9007199254740993',
      '-9223372036854775808',
      '-0.0',
      '1.50',
      '12345678901234567890123456789012345678.000000000000000000000000000001',
    ];
    for (const volume of volumes) {
      it(`the volume ${volume}`, withStore(roundTrip(exampleSample({ volume }))));
    }
    it(
      'numbers and times beyond 2^53',
      withStore(roundTrip(exampleSample({ sequence: 2n ** 63n - 1n, timestamp: noon + 1n }))),
    );
    it('a time before 1970', withStore(roundTrip(exampleSample({ timestamp: -1n }))));
    it(
      'the first and the last time within 64 bits',
      withStore(async (store, reader) => {
        const samples = [-(2n ** 63n), 2n ** 63n - 1n].map((timestamp) => exampleSample({ timestamp }));
        await store.record(samples);
        assert.deepEqual(await all(reader), samples);
        assert.deepEqual(await all(reader, { newestFirst: true }), samples.toReversed());
      }),
    );
    it(
      'messages of agents, character by character',
      withStore(async (store, reader) => {
        const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
        const texts = [1n, 2n, 3n].map((sequence) => {
          const { resourceId, timestamp, userId, projectId } = exampleSample({ timestamp: noon + sequence });
          const resourceMetadata = { host: 'compute-1' };
          return signMeteringMessage(
            {
              ...{ name: 'cpu', type: 'cumulative', unit: 'ns', volume: sequence },
              ...{ userId, projectId, resourceId, timestamp, resourceMetadata },
            },
            { source: 'openstack', messageId: randomUUID(), publisherId: 'compute.a/1', sequence, epoch: 'e' },
            signer,
          );
        });
        const samples = texts.map((text) => readMeteringMessage(text).sample);
        await store.record(samples);
        assert.deepEqual(await all(reader), samples);
      }),
    );
    for (const messageId of ['5F6F43D2-93B1-4DA3-8BC4-5DE1A6A2A8A1', 'no uuid', '', 'clé 🙂']) {
      it(`the message id '${messageId}'`, withStore(roundTrip(exampleSample({ messageId }))));
    }
    it(
      'missing values',
      withStore(
        roundTrip(
          exampleSample({
            unit: null,
            userId: null,
            projectId: null,
            publisherId: null,
            sequence: null,
            epoch: null,
          }),
        ),
      ),
    );
    it('empty names', withStore(roundTrip(exampleSample({ unit: '', userId: '', projectId: '', epoch: '' }))));
    it(
      'any script, and quotes',
      withStore(
        roundTrip(
          exampleSample({
            unit: '漢"\'\\%_;--',
            userId: 'clé 🙂',
            resourceId: '𝔘\n\u2028',
            meter: 'instance:m1.small',
          }),
        ),
      ),
    );

    const texts: Readonly<Record<string, string>> = {
      'characters beyond the first plane': '{"a": "🙂 𝔘 漢 é", "resource_metadata": {"k": "🙂"}}',
      escapes:
        '{"a": "\\u0000\\ud83d\\ude42\\/\\"", "resource_metadata": {"\\u0000": "\\"resource_metadata\\": {}"}}',
      'blanks and line ends': ' {\r\n\t"resource_metadata" : { "b" :1.0 , "a": 1e-07 }\n} \n',
      'no metadata': '{"a": [{"resource_metadata": {"inner": 1}}]}',
    };
    for (const [what, text] of Object.entries(texts)) {
      it(`a text with ${what}, byte for byte`, withStore(roundTrip({ ...exampleSample(), text })));
    }

    it(
      'null and empty names, which stay different',
      withStore(async (store, reader) => {
        const samples = [
          exampleSample({ unit: null }),
          exampleSample({ unit: '', timestamp: noon + 1n }),
          exampleSample({ epoch: null, timestamp: noon + 2n }),
        ];
        await store.record(samples);
        assert.deepEqual(await all(reader), samples);
      }),
    );
  });
}
