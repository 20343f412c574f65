import { PayloadReader } from '../src/exports/notification.js';
import type { Metadata } from '../src/index.js';

const fields: Metadata = Object.freeze({
  text: 'a',
  empty: '',
  nothing: null,
  zero: 0,
  size: 20,
  half: 0.5,
  huge: 18446744073709551615n,
  negative: -1,
  least: -1n,
  yes: true,
  list: ['a'],
  object: { inner: { text: 'b' } },
  ...(JSON.parse('{"__proto__": {"polluted": "yes"}}') as Metadata),
});
const reader = new PayloadReader(fields);
const refusal = (message: string) => expect.objectContaining({ code: 'NOTIFICATION_FIELD', message });
const missing = (path: string) => refusal(`the notification has no ${path}`);
const wrong = (path: string, wanted: string) => refusal(`${path} of the notification is not ${wanted}`);

describe('a text', () => {
  it('is returned unchanged', () => expect(reader.text('text')).toBe('a'));

  it.each(['empty', 'nothing', 'absent', 'toString', 'constructor'])('counts as missing if it is %s', (key) => {
    expect(() => reader.text(key)).toThrow(missing(`payload.${key}`));
    expect(reader.optionalText(key)).toBeNull();
  });

  it.each(['zero', 'huge', 'yes', 'list', 'object'])('is not converted from anything else (%s)', (key) => {
    expect(() => reader.text(key)).toThrow(wrong(`payload.${key}`, 'a text'));
    expect(() => reader.optionalText(key)).toThrow(wrong(`payload.${key}`, 'a text'));
  });
});

describe('an amount', () => {
  it.each([
    ['zero', 0],
    ['size', 20],
    ['half', 0.5],
    ['huge', 18446744073709551615n],
  ])('is exact (%s)', (key, amount) => expect(reader.amount(key)).toBe(amount));

  it.each(['empty', 'nothing', 'absent'])('counts as missing, and not as 0, if it is %s', (key) => {
    expect(() => reader.amount(key)).toThrow(missing(`payload.${key}`));
  });

  it.each(['text', 'negative', 'least', 'yes', 'list', 'object'])('cannot be %s', (key) => {
    expect(() => reader.amount(key)).toThrow(wrong(`payload.${key}`, 'a number that is 0 or more'));
  });
});

describe('a list of objects', () => {
  const lists = new PayloadReader({
    good: [{ text: 'a' }, {}],
    bad: [{}, 7],
    none: [[]],
    empty: [],
    text: 'a',
    object: {},
  });

  it('names the whole path of each in errors, and is empty if the key is missing', () => {
    const [first, second] = lists.list('good');
    expect(first?.text('text')).toBe('a');
    expect(() => second?.text('text')).toThrow(missing('payload.good[1].text'));
    for (const key of ['empty', 'absent', 'constructor']) expect(lists.list(key)).toEqual([]);
  });

  it.each([
    ['bad', 'payload.bad[1]', 'an object'],
    ['none', 'payload.none[0]', 'an object'],
    ['text', 'payload.text', 'a list'],
    ['object', 'payload.object', 'a list'],
  ])('cannot be %s', (key, path, wanted) => {
    expect(() => lists.list(key)).toThrow(wrong(path, wanted));
  });
});

describe('an object', () => {
  it('names its whole path in errors', () => {
    expect(reader.object('object')).toEqual({ inner: { text: 'b' } });
    const inner = reader.inner('object').inner('inner');
    expect(inner.text('text')).toBe('b');
    expect(() => inner.text('name')).toThrow(missing('payload.object.inner.name'));
    expect(() => new PayloadReader({}, 'context').text('user_id')).toThrow(missing('context.user_id'));
  });

  it.each(['nothing', 'absent'])('counts as missing if it is %s', (key) => {
    expect(() => reader.inner(key)).toThrow(missing(`payload.${key}`));
  });

  it.each(['text', 'empty', 'size', 'yes', 'list'])('cannot be %s', (key) => {
    expect(() => reader.object(key)).toThrow(wrong(`payload.${key}`, 'an object'));
  });
});

describe('a selection of fields', () => {
  it('is unchanged, with null for missing ones', () => {
    expect(reader.pick(['text', 'huge', 'list', 'nothing', 'absent', 'toString'])).toEqual({
      text: 'a',
      huge: 18446744073709551615n,
      list: ['a'],
      nothing: null,
      absent: null,
      toString: null,
    });
  });

  it('may have a key called __proto__', () => {
    const picked = reader.pick(['__proto__']);
    expect(Object.hasOwn(picked, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(picked)).toBe(Object.prototype);
    expect(picked['polluted']).toBeUndefined();
    expect(new PayloadReader({}).value('__proto__')).toBeNull();
  });
});
