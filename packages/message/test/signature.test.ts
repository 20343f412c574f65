import { createHmac, randomBytes } from 'node:crypto';

import { Secret } from '@nephoscope/core/options';

import { createSigner, createVerifier, parseJson, signJsonMessage } from '../src/index.js';
import type { JsonObject, JsonValue, SignatureForm } from '../src/index.js';

import { HmacSha256 } from '../src/hmac-sha256.js';
import { signatureForms } from '../src/signature-form.js';
import { signedText } from '../src/signed-message.js';

const fields = { counter_name: 'cpu', resource_id: 'é' };

function message(secret: string, form: SignatureForm, named = true): JsonObject {
  const signer = createSigner({ secret: new Secret(secret), form });
  const body = new Map<string, JsonValue>(Object.entries(named ? { ...fields, signature_form: form } : fields));
  return body.set('message_signature', signer.sign(signedText(signer.writer, body)));
}

const verifier = (...secrets: string[]) => createVerifier({ secrets: secrets.map((text) => new Secret(text)) });

describe('HmacSha256', () => {
  it('is HMAC-SHA256, whatever the lengths of key and text', () => {
    for (const keyLength of [1, 31, 32, 63, 64, 65, 200]) {
      const key = randomBytes(keyLength);
      const hmac = new HmacSha256(key);
      for (const text of ['', 'a', 'é🙂'.repeat(2000), 'x'.repeat(100_000), 'after a long one']) {
        expect(hmac.digest(text)).toBe(createHmac('sha256', key).update(text, 'utf8').digest('hex'));
      }
    }
  });
});

describe('a verifier', () => {
  it.each(signatureForms)('verifies the %s form with any of its secrets', (form) => {
    expect(verifier('new', 'old').verify(message('new', form))).toBe('verified');
    expect(verifier('new', 'old').verify(message('old', form))).toBe('verified');
    expect(verifier('new').verify(message('old', form))).toBe('signature-wrong');
  });

  it('treats a message without a form as one of Ceilometer', () => {
    expect(verifier('s').verify(message('s', 'ceilometer', false))).toBe('verified');
    expect(verifier('s').verify(message('s', 'canonical', false))).toBe('signature-wrong');
  });

  it('does not take one form for the other', () => {
    for (const [form, other] of [signatureForms, [...signatureForms].reverse()] as [
      SignatureForm,
      SignatureForm,
    ][]) {
      expect(verifier('s').verify(new Map(message('s', form)).set('signature_form', other))).toBe(
        'signature-wrong',
      );
    }
    const text = 'the same text';
    const [one, two] = signatureForms.map((form) => createSigner({ secret: new Secret('s'), form }).sign(text));
    expect(one).not.toBe(two);
  });

  it('accepts only the configured forms', () => {
    const strict = createVerifier({ secrets: [new Secret('s')], forms: ['canonical'] });
    expect(strict.verify(message('s', 'canonical'))).toBe('verified');
    expect(strict.verify(message('s', 'ceilometer'))).toBe('form-refused');
    expect(strict.verify(message('s', 'ceilometer', false))).toBe('form-refused');
  });

  it.each([
    ['missing', undefined, 'unsigned'],
    ['null', null, 'unsigned'],
    ['empty', '', 'signature-malformed'],
    ['no text', ['x'], 'signature-malformed'],
    ['an object', new Map(), 'signature-malformed'],
    ['too short', 'ab', 'signature-malformed'],
    ['not hexadecimal', 'g'.repeat(64), 'signature-malformed'],
    ['in capitals', 'A'.repeat(64), 'signature-malformed'],
    ['not ASCII', 'é'.repeat(64), 'signature-malformed'],
    ['followed by a line end', `${'a'.repeat(64)}\n`, 'signature-malformed'],
    ['another one', 'a'.repeat(64), 'signature-wrong'],
  ] as [string, JsonValue | undefined, string][])(
    'gives the reason if the signature is %s',
    (_, signature, reason) => {
      const changed = new Map(message('s', 'canonical'));
      if (signature === undefined) changed.delete('message_signature');
      else changed.set('message_signature', signature);
      expect(verifier('s').verify(changed)).toBe(reason);
    },
  );

  it.each(['', 'Canonical', 'constructor', '__proto__', true, ['canonical']] as JsonValue[])(
    'reports an unknown form %j',
    (form) => {
      expect(verifier('s').verify(new Map(message('s', 'canonical')).set('signature_form', form))).toBe(
        'form-unknown',
      );
    },
  );
});

describe('an empty secret', () => {
  it('signs and verifies nothing', () => {
    const refusal = expect.objectContaining({ code: 'SECRET_EMPTY' }) as Error;
    for (const form of signatureForms)
      expect(() => createSigner({ secret: new Secret(''), form })).toThrow(refusal);
    expect(() => verifier('s', '')).toThrow(refusal);
    expect(() => verifier()).toThrow(refusal);
  });
});

describe('the scheme and key of a signature', () => {
  const signed = (secret: string, form: SignatureForm, more: Readonly<Record<string, JsonValue>> = {}) => {
    const signer = createSigner({ secret: new Secret(secret), form });
    return parseJson(signJsonMessage(new Map(Object.entries({ ...fields, ...more })), signer)) as JsonObject;
  };
  /** Signed with the given key name, whatever it is. */
  const naming = (key: JsonValue, secret = 's') => {
    const { sign, writer } = createSigner({ secret: new Secret(secret), form: 'canonical' });
    const body = new Map<string, JsonValue>(
      Object.entries({ ...fields, signature_form: 'canonical', signature_key: key }),
    );
    return body.set('message_signature', sign(signedText(writer, body)));
  };
  const nameOf = (secret: string) => signed(secret, 'canonical').get('signature_key') as string;

  it("are in a message in the canonical form, as the README specifies, but not in Ceilometer's form", () => {
    const label = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope key name 1')]);
    const id = createHmac('sha256', 'a shared secret').update(label).digest('hex').slice(0, 16);
    expect(nameOf('a shared secret')).toBe(`hmac-sha256:${id}`);
    expect(signed('s', 'ceilometer').has('signature_key')).toBe(false);
    // A key name set by another program is replaced.
    expect(signed('s', 'canonical', { signature_key: 'other:1' }).get('signature_key')).toBe(nameOf('s'));
  });

  it('determine the secret that verifies a signature', () => {
    expect(verifier('new', 's').verify(naming(nameOf('s')))).toBe('verified');
    expect(verifier('new', 's').verify(naming(nameOf('new')))).toBe('signature-wrong');
    expect(verifier('new', 's').verify(naming('hmac-sha256:unheard'))).toBe('signature-wrong');
    expect(verifier('other').verify(naming(nameOf('s')))).toBe('signature-wrong');
  });

  it.each(['ed25519:1', 'constructor:1', '', ':', 'hmac-sha25:1', null])(
    'are reported as unknown, as %j, and not as a wrong signature',
    (key) => {
      expect(verifier('s').verify(naming(key))).toBe('scheme-unknown');
    },
  );

  it('are optional: a message of an older version is verified with each secret', () => {
    expect(verifier('new', 's').verify(message('s', 'canonical'))).toBe('verified');
  });
});
