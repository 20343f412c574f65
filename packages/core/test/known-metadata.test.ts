import fc from 'fast-check';

import { Secret, createSigner, createVerifier, formatJson, parseJson, readMeteringMessage } from '../src/index.js';
import { canonicalForm } from '../src/message/canonical-form.js';
import { ceilometerForm } from '../src/message/ceilometer-form.js';
import { KnownMetadata } from '../src/message/known-metadata.js';
import type { JsonObject } from '../src/message/json.js';
import { RepeatedObject } from '../src/message/repeated-object.js';
import { jsonObjects, signedWhole } from './values.js';

const metadataOf = (text: string, known: KnownMetadata) =>
  (parseJson(text, known) as JsonObject).get('resource_metadata');

describe('KnownMetadata', () => {
  it('changes nothing of what is read and signed, whatever was read before', () => {
    const objects = fc.array(jsonObjects.map(formatJson), { minLength: 1, maxLength: 3 });
    const messages = objects.chain((metadata) =>
      fc.array(
        fc.record({ resource: fc.constantFrom('"a"', '"b"', '1'), metadata: fc.constantFrom(...metadata) }),
      ),
    );
    fc.assert(
      fc.property(messages, (sequence) => {
        const known = new KnownMetadata();
        for (const { resource, metadata } of sequence) {
          const text = `{"resource_id": ${resource}, "resource_metadata": ${metadata} , "z": 1}`;
          const plain = parseJson(text) as JsonObject;
          const read = parseJson(text, known) as JsonObject;
          expect(formatJson(read)).toBe(formatJson(plain));
          for (const form of [canonicalForm, ceilometerForm, canonicalForm])
            expect(signedWhole(form, read)).toBe(signedWhole(form, plain));
        }
      }),
    );
  });

  it('gives the same object for the same text of a resource', () => {
    const known = new KnownMetadata();
    const one = metadataOf('{"resource_id":"a","resource_metadata":{"x":{"y":"1"}}}', known);
    expect(one).toBeInstanceOf(RepeatedObject);
    expect(metadataOf('{"n":2,"resource_id":"a","resource_metadata":{"x":{"y":"1"}},"z":1}', known)).toBe(one);
    expect(metadataOf('{"resource_id":"b","resource_metadata":{"x":{"y":"1"}}}', known)).not.toBe(one);
    expect(metadataOf('{"resource_id":"a","resource_metadata":{"x":{"y":"2"}}}', known)).not.toBe(one);
  });

  it('keeps no more than some thousand resources, and no large object', () => {
    const known = new KnownMetadata();
    const text = (resource: string, value = 'v') =>
      `{"resource_id":"${resource}","resource_metadata":{"x":"${value}"}}`;
    const first = metadataOf(text('0'), known);
    for (let n = 1; n <= 5_000; n += 1) metadataOf(text(String(n)), known);
    expect(metadataOf(text('0'), known)).not.toBe(first);
    expect(metadataOf(text('large', 'v'.repeat(5_000)), known)).not.toBeInstanceOf(RepeatedObject);
  });

  it('does not let changed metadata pass for verified', () => {
    const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
    const verifier = createVerifier({ secrets: [new Secret('s')] });
    const fields =
      '"counter_name":"cpu","counter_type":"gauge","counter_volume":1,"message_id":"1","resource_id":"a"';
    const rest = '"signature_form":"canonical","timestamp":"2026-11-23T00:00:00Z"';
    const message = (metadata: string) => `{${fields},"resource_metadata":${metadata},${rest}`;
    const signature = signer.sign(
      signedWhole(canonicalForm, parseJson(`${message('{"owner":"me"}')}}`) as JsonObject),
    );
    const verdict = (metadata: string) =>
      verifier.verify(readMeteringMessage(`${message(metadata)},"message_signature":"${signature}"}`).message);
    expect([
      verdict('{"owner":"me"}'),
      verdict('{"owner":"you"}'),
      verdict('{"owner":"me"}'),
      verdict('{"owner":"me","x":1}'),
    ]).toEqual(['verified', 'signature-wrong', 'verified', 'signature-wrong']);
  });

  it('reads on behind known metadata as strictly as before', () => {
    const known = new KnownMetadata();
    metadataOf('{"resource_id":"a","resource_metadata":{"x":"1"}}', known);
    for (const text of [
      '{"resource_id":"a","resource_metadata":{"x":"1"}',
      '{"resource_id":"a","resource_metadata":{"x":"1"}}}',
      '{"resource_id":"a","resource_metadata":{"x":"1"},"resource_metadata":{"x":"1"}}',
    ])
      expect(() => parseJson(text, known)).toThrow('not JSON');
  });
});
