import { NephoscopeError } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';

import { hideInLogs } from '../src/log-line.js';
import { createLogger } from '../src/logging.js';
import type { LogLevel } from '../src/logging.js';

describe('createLogger', () => {
  const logged = (level: LogLevel, write: (logger: ReturnType<typeof createLogger>) => void) => {
    const lines: string[] = [];
    write(createLogger({ name: 'test', level, destination: { write: (line) => void lines.push(line) } }));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it('writes one JSON object per line with level, time, name and message', () => {
    const [line] = logged('info', (logger) => logger.info({ samples: 5 }, 'cycle done'));
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      name: 'test',
      pid: process.pid,
      samples: 5,
      msg: 'cycle done',
    });
  });

  it('omits entries below its level', () => {
    const lines = logged('warn', (logger) => {
      logger.debug({}, 'd');
      logger.info({}, 'i');
      logger.warn({}, 'w');
      logger.error({}, 'e');
    });
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'error']);
  });

  it('names the component in each line of its logger', () => {
    const [line] = logged('info', (logger) => logger.child({ component: 'bus' }).info({}, 'x'));
    expect(line).toMatchObject({ component: 'bus' });
  });

  it('keeps the code and the stack of an error and of its causes', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = new NephoscopeError('BUS_UNAVAILABLE', 'no broker', {
      cause: new NephoscopeError('BUS_TLS', 'no TLS', { cause }),
    });
    const [line] = logged('info', (logger) => logger.error({ err: error }, 'x'));
    expect(line).toMatchObject({
      err: {
        code: 'BUS_UNAVAILABLE',
        message: 'no broker',
        stack: expect.stringContaining('logging.test'),
        cause: {
          code: 'BUS_TLS',
          message: 'no TLS',
          cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
        },
      },
    });
  });

  it('never prints a secret', () => {
    const secret = new Secret('hush hush');
    const error = Object.assign(new NephoscopeError('X', `with ${String(secret)}`), {
      secret,
      within: { secrets: [secret] },
    });
    const lines = logged('debug', (logger) => {
      logger.info({ secret, within: { secret } }, `of ${String(secret)}`);
      logger.error({ err: error, secret }, 'x');
    });
    expect(JSON.stringify(lines)).not.toContain('hush');
    expect(lines[0]).toMatchObject({ secret: '[secret]', within: { secret: '[secret]' }, msg: 'of [secret]' });
  });

  const raw = (write: (logger: ReturnType<typeof createLogger>) => void) => {
    const lines: string[] = [];
    write(createLogger({ name: 'test', level: 'debug', destination: { write: (line) => void lines.push(line) } }));
    return lines;
  };

  it('escapes characters that would affect a terminal, without changing the meaning', () => {
    const nasty = 'a\u0000\u001b[2J\u007f\u0085\u009b31m\u202eb\u2066c\u061c\u200f\u2028\ufeff\u{e0001}d\ud800';
    const [line = ''] = raw((logger) =>
      logger.child({ component: 'x\u009b' }).info({ name: nasty }, `of ${nasty}`),
    );
    expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    expect(line).toContain('\\u202eb\\u2066c');
    expect(JSON.parse(line)).toMatchObject({ component: 'x\u009b', name: nasty, msg: `of ${nasty}` });
  });

  it.each([
    ['a long message', {}, 'ü'.repeat(100_000)],
    ['a long field', { text: '\u202e'.repeat(100_000) }, 'x'],
    ['many fields', Object.fromEntries(Array.from({ length: 10_000 }, (_, key) => [`key ${key}`, key])), 'x'],
    ['a long field name', { ['k'.repeat(10_000)]: 1 }, 'x'],
    ['a long list', { list: Array.from({ length: 10_000 }, () => 'text') }, 'x'],
    ['deeply nested fields', { deep: JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) as unknown }, 'x'],
    [
      'wide and deeply nested fields',
      { a: Array(20).fill(Array(20).fill(Array(20).fill('y'.repeat(50)))) as unknown },
      'x',
    ],
    ['an error', { err: new Error('e'.repeat(50_000), { cause: new Error('\u0085'.repeat(9_000)) }) }, 'x'],
    ['unpaired surrogates', {}, '\u{1f600}'.repeat(5_000)],
  ])('writes lines of at most 4 KiB, even with %s', (_, fields, message) => {
    const [line = '', next] = raw((logger) => {
      logger.error(fields, message);
      logger.info({}, 'next');
    });
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4_096);
    const read = JSON.parse(line) as Record<string, unknown>;
    expect(read).toMatchObject({
      level: 'error',
      name: 'test',
      time: expect.any(String),
      msg: expect.any(String),
    });
    expect(message.startsWith(String(read['msg']).replace('…', ''))).toBe(true);
    expect(next).toContain('next');
  });

  it('omits texts that a program hides, wherever they occur', () => {
    hideInLogs((text) => text.replaceAll('a token', '[secret]'));
    const [line] = raw((logger) => logger.child({ component: 'a token' }).info({ id: 'a token' }, 'of a token'));
    expect(line).not.toContain('a token');
  });

  it('accepts a bigint', () => {
    const [line] = logged('info', (logger) => logger.info({ within: { volume: 5n } }, 'x'));
    expect(line).toMatchObject({ within: { volume: 5 } });
  });
});
