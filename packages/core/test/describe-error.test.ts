import { describeError } from '../src/errors.js';

it('includes what each cause adds, and repeats nothing', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:5432');
  expect(describeError(new Error('PostgreSQL does not answer', { cause: refused }))).toBe(
    'PostgreSQL does not answer: connect ECONNREFUSED 127.0.0.1:5432',
  );
  const told = new Error('PostgreSQL does not answer (connect ECONNREFUSED 127.0.0.1:5432)', { cause: refused });
  expect(describeError(told)).toBe('PostgreSQL does not answer (connect ECONNREFUSED 127.0.0.1:5432)');
  expect(describeError(new Error('a', { cause: new Error('a', { cause: new Error('b') }) }))).toBe('a: b');
});

it('describes any value that was thrown', () => {
  expect(describeError('text')).toBe('text');
  expect(describeError(new AggregateError([refusedBy('::1'), refusedBy('127.0.0.1'), refusedBy('::1')]))).toBe(
    'refused by ::1; refused by 127.0.0.1',
  );
  const itself = new Error('of itself');
  itself.cause = itself;
  expect(describeError(itself)).toBe('of itself');
  expect(describeError(new Error('x'.repeat(3_000)))).toBe(`${'x'.repeat(2_000)}…`);
  expect(describeError({ toString: () => fail() })).toBe('an error that cannot be described');
});

const refusedBy = (host: string) => new Error(`refused by ${host}`);
const fail = (): string => {
  throw new Error('no text');
};
