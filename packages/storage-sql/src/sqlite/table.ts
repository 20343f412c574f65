/** Rows: the names of the columns, and the values of one row after the other. */
export interface Table {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
}

/** The rows of a table as objects. */
export function rowsOf({ names, values }: Table): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (let at = 0; at < values.length; at += names.length) {
    const row: Record<string, unknown> = {};
    for (let column = 0; column < names.length; column += 1) row[names[column] as string] = values[at + column];
    rows.push(row);
  }
  return rows;
}
