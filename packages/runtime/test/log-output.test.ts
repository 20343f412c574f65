import { logOutput } from '../src/log-output.js';

/** Accepts this many bytes of each write; for an error code it throws. */
function output(...answers: readonly (number | string)[]) {
  const waiting = [...answers];
  let written = '';
  let writes = 0;
  const write = (_: number, bytes: Uint8Array) => {
    writes += 1;
    const answer = waiting.shift() ?? Infinity;
    if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer });
    const taken = bytes.subarray(0, answer);
    written += Buffer.from(taken).toString();
    return taken.byteLength;
  };
  return { ...logOutput(2, write as never), written: () => written, writes: () => writes };
}

const told = (lost: number) => `{"level":"warn","msg":"${lost} lines of this log could not be written"}\n`;

it('writes a line completely if it is accepted in parts', () => {
  const log = output(2, 1);
  log.write('line\n');
  expect(log.written()).toBe('line\n');
});

it.each(['EPIPE', 'ENOSPC', 'EIO', 'EBADF'])(
  'drops lines that fail with %s after one attempt, and logs how many',
  (code) => {
    const log = output(code, code);
    log.write('one\n');
    log.write('two\n');
    expect(log.writes()).toBe(2);
    log.write('three\n');
    log.write('four\n');
    expect(log.written()).toBe(`${told(2)}three\nfour\n`);
  },
);

it('waits for a slow reader', () => {
  const log = output('EAGAIN', 3, 'EAGAIN');
  log.write('line\n');
  expect(log.written()).toBe('line\n');
});

it('gives up on a reader that has stopped reading, and begins with a new line afterwards', () => {
  const log = output(3, ...new Array<string>(101).fill('EAGAIN'), 'EAGAIN');
  log.write('one\n');
  expect(log.writes()).toBe(102);
  log.write('two\n');
  expect(log.writes()).toBe(103);
  log.write('three\n');
  expect(log.written()).toBe(`one\n${told(2)}three\n`);
});
