import { formatTimestamp } from '@nephoscope/core';

import { print, printNote } from '../output.js';
import type { RecordedSeries, Series } from './recorded-series.js';
import { fittingSeriesTable, seriesTable } from './series-table.js';

/** How `up` shows recorded samples. */
export interface View {
  show(recorded: RecordedSeries, changed: readonly Series[]): Promise<void>;
  /** A line that stays on the screen. */
  above(line: string): void;
  end(): void;
}

/** The additions of each cycle, one table after the other. */
export function createLineView(): View {
  return {
    show: (recorded, changed) => print(`${title(recorded)}\n${seriesTable(changed)}\n\n`),
    above: printNote,
    end: () => undefined,
  };
}

/** One table that is redrawn in place, always as high as the terminal allows. */
export async function createTerminalView(): Promise<View> {
  // Read only here: it is a tenth of what each command would read at its start.
  const { default: logUpdate } = await import('log-update');
  let shown: RecordedSeries | undefined;
  const draw = () => {
    if (shown === undefined) return;
    // The title, a blank line, and the line that the cursor is in.
    const { columns, rows } = process.stdout;
    const text = `${title(shown)}\n\n${fittingSeriesTable(shown.all, rows - 3, columns)}`;
    logUpdate(
      text
        .split('\n')
        .map((line) => cut(line, columns))
        .join('\n'),
    );
  };
  process.stdout.on('resize', draw);
  return {
    show(recorded) {
      shown = recorded;
      draw();
      return Promise.resolve();
    },
    above(line) {
      logUpdate.clear();
      printNote(line);
      draw();
    },
    end() {
      process.stdout.off('resize', draw);
      shown = undefined;
      logUpdate.done();
    },
  };
}

function title(recorded: RecordedSeries): string {
  const instances = new Set(recorded.all.map(({ owner }) => owner.instanceId)).size;
  return `Recorded until ${formatTimestamp(recorded.newest).slice(0, 19).replace('T', ' ')} UTC: ${recorded.all.length} meters of ${instances} ${instances === 1 ? 'instance' : 'instances'}`;
}

/** A wrapped line would occupy two. */
function cut(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, width - 1).join('')}…`;
}
