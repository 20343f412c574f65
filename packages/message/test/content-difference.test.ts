import { readFileSync } from 'node:fs';

import { contentDifference, meteringTexts, readMeteringMessage } from '../src/index.js';

const captured = (name: string) => {
  const file = new URL(`../../collector/test/data/ceilometer/ceilometer.${name}.json`, import.meta.url);
  const { body } = JSON.parse(readFileSync(file, 'utf8')) as { body: string };
  const texts = [...meteringTexts(Buffer.from(body), 'application/json')].filter(
    (text) => typeof text === 'string',
  );
  return new Map(texts.map((text) => [readMeteringMessage(text).sample.messageId, text]));
};

describe('the difference in content', () => {
  it.each([
    ['{"a":1,"b":{"c":[1.0]}}', '{ "b" : {"c":[1]}, "a":10e-1 }'],
    ['{"a":1,"message_signature":"x","signature_form":"canonical"}', '{"a":1,"message_signature":"y"}'],
    ['{"a":"\\u00e9"}', '{"a":"é"}'],
  ])('does not exist between %s and %s', (one, other) => {
    expect(contentDifference(one, other)).toBeUndefined();
  });

  it.each([
    ['{"a":1}', '{"a":2}', 'a is 1 and not 2'],
    ['{"a":1}', '{"a":"1"}', 'a is 1 and not "1"'],
    ['{"a":null}', '{}', 'a is null and not missing'],
    ['{"a":{"b":1}}', '{"a":{"b":1,"c":{}},"d":1}', 'a is {"b":1} and not {"b":1,"c":{}}, d is missing and not 1'],
    [
      '{"a":18446744073709551615}',
      '{"a":18446744073709551616}',
      'a is 18446744073709551615 and not 18446744073709551616',
    ],
  ])('between %s and %s is reported', (one, other, difference) => {
    expect(contentDifference(one, other)).toBe(difference);
  });

  it('is limited to the given members', () => {
    expect(contentDifference('{"a":1,"b":1}', '{"a":1,"b":2}', ['a'])).toBeUndefined();
    expect(contentDifference('{"a":1,"b":1}', '{"a":1,"b":2}', ['b'])).toBe('b is 1 and not 2');
  });

  it("does not exist between a sample that Ceilometer's agent polled and its republication by its notification agent", () => {
    const [again, polled] = [captured('lab-metering.metering.cpu'), captured('telemetry.polling.cpu')];
    const both = [...again].flatMap(([id, text]) =>
      polled.has(id) ? [[text, polled.get(id) as string] as const] : [],
    );
    expect(both).toHaveLength(3);
    for (const [one, other] of both) {
      expect(one).not.toBe(other);
      expect(contentDifference(one, other)).toBeUndefined();
    }
  });
});
