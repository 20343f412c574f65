import { NephoscopeError } from '@nephoscope/core';

import { createPlainLogger } from '../src/plain-log.js';

function linesOf(use: (logger: ReturnType<typeof createPlainLogger>) => void): string[] {
  const lines: string[] = [];
  use(createPlainLogger('warn', (line) => lines.push(line)));
  return lines;
}

describe('createPlainLogger', () => {
  it('writes one line for each entry at or above its level', () => {
    const lines = linesOf((logger) => {
      logger.info({}, 'not worth a line');
      logger.child({ component: 'store' }).warn({}, 'the disk is nearly full');
    });
    expect(lines).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d warn store: the disk is nearly full$/)]);
  });

  it('includes a stack only for a defect', () => {
    const [coded, defect] = linesOf((logger) => {
      logger.error({ err: new NephoscopeError('STORE_UNAVAILABLE', 'full') }, 'full');
      logger.error({ err: new TypeError('oops') }, 'oops');
    });
    expect(coded).not.toContain('\n');
    expect(defect).toMatch(/error: oops\nTypeError: oops\n +at /);
  });

  it('appends the reason if the text does not contain it', () => {
    const lines = linesOf((logger) =>
      logger.warn({ err: new NephoscopeError('BUS_UNAVAILABLE', 'refused') }, 'no connection'),
    );
    expect(lines).toEqual([expect.stringMatching(/ warn: no connection: refused$/)]);
  });

  it('escapes terminal control characters in an error', () => {
    const error = new TypeError('\u001b[31mred\u202e');
    const [line = ''] = linesOf((logger) => logger.error({ err: error }, 'oops'));
    expect(line).toContain('\n');
    expect(line).toMatch(/^[\n\x20-\x7e\ufffd]+$/);
  });

  it('escapes terminal control characters in a message', () => {
    expect(linesOf((logger) => logger.error({}, 'instance \u001b[31mred'))[0]).toContain('instance \ufffd[31mred');
  });
});
