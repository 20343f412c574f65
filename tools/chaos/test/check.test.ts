import { check, problemsOf, rowVerifier } from '../check.js';
import type { Expectation } from '../check.js';
import { loadMaker } from '../load.js';
import { selfTest } from '../self-test.js';

const secret = 'of the tests of the check';
const verdictOf = rowVerifier(secret);
const messages = Array.from({ length: 60 }, (_, number) => loadMaker(secret)(number));
const lines = messages.flatMap(({ body }) => body.trimEnd().split('\n'));
const idOf = (line: string) => (JSON.parse(line) as { message_id: string }).message_id;
const bad = new Set(messages.flatMap((message) => message.bad));
const rows = lines.map((text) => ({ messageId: idOf(text), text })).filter(({ messageId }) => !bad.has(messageId));
const deadLetters = lines.filter((line) => bad.has(idOf(line)));
const expectation: Expectation = { taken: new Set(messages.flatMap(({ good }) => good)), refused: bad };

it('finds no problem if everything is recorded once', async () => {
  const findings = await check(expectation, rows, [...deadLetters, ...deadLetters], verdictOf);
  expect(problemsOf(findings)).toEqual([]);
  expect(findings).toMatchObject({ taken: rows.length, recorded: rows.length });
  expect(bad.size).toBeGreaterThan(0);
});

it('detects a sample of a ledger that is missing in the store', async () => {
  const [missing, ...rest] = rows;
  const findings = await check(expectation, rest, deadLetters, verdictOf);
  expect(findings.lost).toEqual([missing?.messageId]);
  expect(problemsOf(findings)).toEqual([expect.stringContaining('1 samples are lost')]);
});

it('detects a duplicate row', async () => {
  const findings = await check(expectation, [...rows, ...rows.slice(0, 2)], deadLetters, verdictOf);
  expect(findings.twice).toEqual(rows.slice(0, 2).map(({ messageId }) => messageId));
  expect(problemsOf(findings)).toEqual([expect.stringContaining('recorded twice')]);
});

it('detects a sample that no agent accepted', async () => {
  const taken = new Set([...expectation.taken].slice(1));
  const findings = await check({ ...expectation, taken }, rows, deadLetters, verdictOf);
  expect(findings.strange).toHaveLength(1);
  expect(problemsOf(findings)).toEqual([expect.stringContaining('nobody took')]);
});

it("detects a text that differs from the signed one, and one under another sample's id", async () => {
  const [first, second, ...rest] = rows as [(typeof rows)[0], (typeof rows)[0], ...typeof rows];
  const changed = { ...first, text: first.text.replace(/"counter_volume":\d+/, '"counter_volume":1') };
  const exchanged = { ...second, text: first.text };
  const findings = await check(expectation, [changed, exchanged, ...rest], deadLetters, verdictOf);
  expect(findings.unverified).toEqual([
    `${first.messageId}: signature-wrong`,
    `${second.messageId}: of ${first.messageId}`,
  ]);
});

it('detects missing and unexpected dead letters', async () => {
  const findings = await check(expectation, rows, [...deadLetters.slice(1), 'no message'], verdictOf);
  expect(findings.refusedMissing).toHaveLength(1);
  expect(findings.strangeDeadLetters).toEqual(['no message']);
  expect(problemsOf(findings)).toHaveLength(2);
});

it('detects a sample with a wrong signature in the store', async () => {
  const [deadLetter = ''] = deadLetters;
  const findings = await check(
    expectation,
    [...rows, { messageId: idOf(deadLetter), text: deadLetter }],
    deadLetters,
    verdictOf,
  );
  expect(findings.strange).toEqual([idOf(deadLetter)]);
  expect(findings.unverified).toEqual([`${idOf(deadLetter)}: signature-wrong`]);
});

it('is tested in the same way with the data of each run', async () => {
  expect(await selfTest(expectation, rows, deadLetters, verdictOf)).toEqual([]);
  expect(await selfTest(expectation, [], deadLetters, verdictOf)).toEqual([expect.stringContaining('no rows')]);
});
