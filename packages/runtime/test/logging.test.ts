import { NephoscopeError, Secret } from '@nephoscope/core';

import { createLogger } from '../src/logging.js';
import type { LogLevel } from '../src/logging.js';

describe('createLogger', () => {
  const logged = (level: LogLevel, write: (logger: ReturnType<typeof createLogger>) => void) => {
    const lines: string[] = [];
    write(createLogger({ name: 'test', level, destination: { write: (line) => void lines.push(line) } }));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it('writes a JSON object a line with level, time, name and message', () => {
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

  it('leaves out what is less important than its level', () => {
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

  it('takes a bigint', () => {
    const [line] = logged('info', (logger) => logger.info({ within: { volume: 5n } }, 'x'));
    expect(line).toMatchObject({ within: { volume: 5 } });
  });
});
