import { NephoscopeError } from '@nephoscope/core';

import { createPlainLogger } from '../src/plain-log.js';

function linesOf(use: (logger: ReturnType<typeof createPlainLogger>) => void): string[] {
  const lines: string[] = [];
  use(createPlainLogger('warn', (line) => lines.push(line)));
  return lines;
}

describe('createPlainLogger', () => {
  it('writes a line for each entry from its level on', () => {
    const lines = linesOf((logger) => {
      logger.info({}, 'not worth a line');
      logger.child({ component: 'store' }).warn({}, 'the disk is nearly full');
    });
    expect(lines).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d warn store: the disk is nearly full$/)]);
  });

  it('has a stack for a defect only', () => {
    const [coded, defect] = linesOf((logger) => {
      logger.error({ err: new NephoscopeError('STORE_UNAVAILABLE', 'full') }, 'full');
      logger.error({ err: new TypeError('oops') }, 'oops');
    });
    expect(coded).not.toContain('\n');
    expect(defect).toMatch(/error: oops\nTypeError: oops\n +at /);
  });

  it('says the reason where the text does not', () => {
    const lines = linesOf((logger) =>
      logger.warn({ err: new NephoscopeError('BUS_UNAVAILABLE', 'refused') }, 'no connection'),
    );
    expect(lines).toEqual([expect.stringMatching(/ warn: no connection: refused$/)]);
  });

  it('prevents writing to the terminal through an error', () => {
    const error = new TypeError('\u001b[31mred\u202e');
    const [line = ''] = linesOf((logger) => logger.error({ err: error }, 'oops'));
    expect(line).toContain('\n');
    expect(line).toMatch(/^[\n\x20-\x7e\ufffd]+$/);
  });

  it('prevents writing to the terminal through a message', () => {
    expect(linesOf((logger) => logger.error({}, 'instance \u001b[31mred'))[0]).toContain('instance \ufffd[31mred');
  });
});
