import { formatTable } from '../../src/text/table.js';

describe('formatTable', () => {
  it('aligns columns and ends no line in blanks', () => {
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

  it('shows the blanks at the ends of a text, in which two may differ', () => {
    const table = formatTable([{ head: 'ID' }], [['web'], ['web '], ['  web'], ['my web']]);
    expect(table.split('\n')).toEqual(['ID', 'web', 'web\u2420', '\u2420\u2420web', 'my web']);
  });

  it('cuts off what is too long for one', () => {
    expect(formatTable([{ head: 'NAME' }], [['x'.repeat(10_000)]]).split('\n')[1]).toBe(`${'x'.repeat(500)}…`);
  });

  it('shows what would steer the terminal as what it is not', () => {
    const table = formatTable([{ head: 'NAME' }], [['\u001b[2Jevil\nname\u202e']]);
    expect(table.split('\n')).toEqual(['NAME', '\ufffd[2Jevil\ufffdname\ufffd']);
  });
});
