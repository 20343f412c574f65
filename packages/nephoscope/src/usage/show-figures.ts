import { readFigures } from '@nephoscope/statistics';
import type { FigureSelection, Figures, StatisticsQuery } from '@nephoscope/statistics';

import { withStore } from '../open-store.js';
import type { StoreLocation } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { figuresOfApi } from './api-figures.js';
import type { ApiLocation } from './api-figures.js';
import { csvHead, csvRow, figureTable, isEmpty, jsonLine } from './figure-text.js';
import type { FigureView } from './figure-text.js';

const beat = 2_000;

type Location = StoreLocation & Partial<ApiLocation>;

/** Prints figures, computed from the store or by the API. */
export async function showFigures(
  location: Location & { readonly csv?: true; readonly json?: true },
  selection: FigureSelection,
  { query, view }: { readonly query: StatisticsQuery; readonly view: FigureView },
  signal: AbortSignal,
): Promise<void> {
  const { figures, totals } = await figuresOf(location, selection, query, view.zone, signal);
  if (location.csv === true) {
    await print(csvHead(view));
    for (const figure of figures) await print(csvRow(figure, view));
  } else if (location.json === true) {
    for (const figure of figures) await print(jsonLine(figure, view, false));
    for (const figure of totals) await print(jsonLine(figure, view, true));
  } else {
    const known = figures.filter((figure) => !isEmpty(figure));
    if (known.length === 0) return printNote('Nothing was recorded of this.');
    // Without periods and groups each figure is its total.
    const below = figures.length > totals.length ? totals : [];
    await print(`${figureTable(known, below, view)}\n`);
    const left = figures.length - known.length;
    if (left > 0) printNote(`${left} more without any reading; --csv and --json have them, too.`);
  }
}

async function figuresOf(
  { api, tokenFile, ...location }: Location,
  selection: FigureSelection,
  query: StatisticsQuery,
  zone: string,
  signal: AbortSignal,
): Promise<Figures> {
  if (api !== undefined) {
    const answer = figuresOfApi({ api, tokenFile }, selection, query, zone, signal);
    return withSignsOfLife((seconds) => `Waiting for the API … ${seconds} s`, answer);
  }
  let shown = Date.now();
  return withStore(location, signal, ({ reader }) =>
    readFigures(reader, selection, query, signal, (done, of) => {
      if (Date.now() - shown < beat) return;
      shown = Date.now();
      printNote(`Reading … ${done} of ${of} resources`);
    }),
  );
}
