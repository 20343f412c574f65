import { KnownMessages } from '@nephoscope/collector';
import { takeIn } from '@nephoscope/collector/testing';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';
import {
  createSigner,
  createVerifier,
  meteringContentType,
  meteringTopology,
  parseJson,
  signatureForms,
  signMeteringMessage,
} from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';
import { FakeDelivery } from '@nephoscope/testing';
import fc from 'fast-check';

import { mutated } from './target.js';
import type { Target } from './target.js';

const secret = new Secret('6b1c7d0f4e5a, a secret for fuzzing');
const readers = { messages: new KnownMessages(), verifier: createVerifier({ secrets: [secret] }) };

const signed = signatureForms.flatMap((form) =>
  Array.from({ length: 20 }, (_, n) =>
    signMeteringMessage(
      {
        name: ['cpu', 'memory'][n % 2] as string,
        type: 'cumulative',
        unit: 'ns',
        volume: n % 3 === 0 ? n / 7 : 2n ** BigInt(n * 3),
        userId: 'u',
        projectId: n % 4 === 0 ? null : 'p',
        resourceId: `r${n % 5}`,
        timestamp: 1_795_381_200_000_000_000n + BigInt(n),
        resourceMetadata: { host: 'compute-1', flavor: { name: 'm1', vcpus: n }, tags: ['a', 'é'] },
      },
      {
        source: 'openstack',
        messageId: `${form}-${n}`,
        publisherId: 'agent',
        sequence: BigInt(n),
        epoch: 'boot/1',
      },
      createSigner({ secret, form }),
    ),
  ),
);

// A signature covers a number's value, and not how it is written.
const essenceOf = ({ meter, type, unit, volume, resourceId, projectId, timestamp, sequence }: Sample) =>
  [meter, type, unit, Number(volume), resourceId, projectId, timestamp, sequence].join('|');
const essences = new Map(
  takeIn(deliveryOf(signed.join('\n'), meteringContentType), readers).samples.map((sample) => [
    sample.messageId,
    essenceOf(sample),
  ]),
);

function deliveryOf(text: string, contentType: string): FakeDelivery {
  return new FakeDelivery({ queue: meteringTopology.queue, contentType, body: Buffer.from(text) });
}

const lines = fc.array(fc.constantFrom(...signed), { minLength: 1, maxLength: 3 });
const enveloped = (message: string) => JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
const polling = (samples: readonly string[]) =>
  `{"event_type":"telemetry.polling","payload":{"samples":[${samples.join(',')}]}}`;
const cast = (samples: readonly string[]) =>
  `{"method":"record_metering_data","version":"1.0","args":{"data":[${samples.join(',')}]}}`;

/** Metering messages: nothing is recorded of other content than was signed, and each body has an end. */
export const messages: Target = {
  name: 'messages',
  runs: 200,
  inputs: mutated(
    fc.oneof(
      lines.map((texts) => `${texts.join('\n')}\n`),
      lines.map(polling),
      lines.map((texts) => enveloped(polling(texts))),
      lines.map((texts) => enveloped(cast(texts))),
    ),
  ),
  check(input) {
    for (const contentType of [meteringContentType, 'application/json']) {
      const { samples, refusals, withoutVolume } = takeIn(deliveryOf(input, contentType), readers);
      if (samples.length + refusals.length + withoutVolume.length === 0) throw new Error('the body has no end');
      for (const sample of samples) {
        const { messageId, text } = sample;
        if (essences.get(messageId) !== essenceOf(sample)) throw new Error(`accepted, and not signed so: ${text}`);
        if (readers.verifier.verify(parseJson(text) as JsonObject) !== 'verified')
          throw new Error(`recorded with a text that does not verify: ${text}`);
      }
    }
  },
};
