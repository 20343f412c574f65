import { formatTable } from '../../src/text/table.js';

describe('formatTable', () => {
  it('aligns columns, without blanks at the ends of lines', () => {
    const columns = [{ head: 'NAME' }, { head: 'VOLUME', align: 'right' as const }, { head: 'UNIT' }];
    const table = formatTable(columns, [
      ['cpu', '1,234', 'ns'],
      ['power.state', '1', ''],
    ]);
    expect(table.split('\n')).toEqual([
      'NAME         VOLUME  UNIT',
      'cpu           1,234  ns',
      'power.state       1',
    ]);
  });

  it('aligns characters that occupy two columns of a terminal, or none', () => {
    const table = formatTable(
      [{ head: 'NAME' }, { head: 'UNIT' }],
      [
        ['雲雲', 'ns'],
        ['e\u0301', 'B'],
        ['cloud', ''],
      ],
    );
    expect(table.split('\n')).toEqual(['NAME   UNIT', '雲雲   ns', 'e\u0301      B', 'cloud']);
  });

  it('formats as many rows as a store returns', () => {
    const rows = Array.from({ length: 100_000 }, (_, at) => [`r${at}`, String(at)]);
    const lines = formatTable([{ head: 'NAME' }, { head: 'VOLUME', align: 'right' }], rows).split('\n');
    expect(lines).toHaveLength(100_001);
    expect(lines.at(-1)).toBe('r99999   99999');
  });

  it('makes blanks at the ends of a text visible, because two texts may differ in them', () => {
    const table = formatTable([{ head: 'ID' }], [['web'], ['web '], ['  web'], ['my web']]);
    expect(table.split('\n')).toEqual(['ID', 'web', 'web\u2420', '\u2420\u2420web', 'my web']);
  });

  it('truncates texts that are too long', () => {
    expect(formatTable([{ head: 'NAME' }], [['x'.repeat(10_000)]]).split('\n')[1]).toBe(`${'x'.repeat(500)}…`);
  });

  it('makes terminal control characters visible', () => {
    const table = formatTable([{ head: 'NAME' }], [['\u001b[2Jevil\nname\u202e']]);
    expect(table.split('\n')).toEqual(['NAME', '\ufffd[2Jevil\ufffdname\ufffd']);
  });
});
