/** A number in text: what a spreadsheet takes for one, it does not run. */
const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What a spreadsheet takes for a formula, and the sign that such texts are given here. */
const formula = /^[=+\-@\t\r\n']/;
const special = /[",\r\n]/;
/** What is to be looked at more closely: any of these. A line that begins with `#` is no row. */
const unusual = /^[=+\-@\t\r\n'#]|[",\r\n]/;

/**
 * A cell after RFC 4180. A text that a spreadsheet would take for a formula gets a `'` in front, and so does one that begins with a `'`: a
 * reader that wants the exact text removes one `'` from each cell that has it in front. Null is an empty cell, an empty text is `""`.
 */
export function csvCell(value: string | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (value === '') return '""';
  if (!unusual.test(value)) return value;
  const safe = formula.test(value) && !number.test(value) ? `'${value}` : value;
  return special.test(safe) || safe.startsWith('#') ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvLine(cells: readonly (string | null | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}
