import type { CounterType } from '@nephoscope/core';

/** A reading with a volume in units of 10^-2, at a small time. */
export interface OracleReading {
  readonly series: string;
  readonly time: number;
  readonly volume: number;
  readonly epoch: string | null;
  readonly group: string;
}

export interface OracleRules {
  readonly type: CounterType;
  readonly usual: number;
  readonly hold: number | undefined;
}

/** In units of 10^-2; amounts in value × time; lengths in time. Undefined if unknown. */
export interface OracleFigure {
  sum: number | undefined;
  apportioned: number;
  opening: number | undefined;
  amount: number;
  held: number;
  values: number[];
  /** The value at each tick. */
  heldValues: number[];
  samples: number;
  epochs: number;
  measured: number;
  bridged: number;
  missing: number;
}

/**
 * The figure of a group from `start` to `end`, computed tick by tick from all readings at once, without state, streams or
 * spans: each tick is evaluated from the readings alone.
 */
export function oracleFigure(
  all: readonly OracleReading[],
  rules: OracleRules,
  group: string,
  start: number,
  end: number,
): OracleFigure {
  const figure: OracleFigure = {
    ...{ sum: undefined, apportioned: 0, opening: undefined, amount: 0, held: 0, values: [], heldValues: [] },
    ...{ samples: 0, epochs: 0, measured: 0, bridged: 0, missing: 0 },
  };
  const states: Set<string>[] = Array.from({ length: end - start }, () => new Set<string>());
  for (const name of new Set(all.map(({ series }) => series))) {
    const own = all.filter(({ series }) => series === name);
    figure.samples += own.filter((one) => one.group === group && one.time >= start && one.time < end).length;
    const counted = rules.type === 'delta' ? own : greatestOnly(own, rules.type);
    if (rules.type === 'cumulative') addCumulative(figure, counted, group, start, end);
    for (const one of counted.filter(
      (reading) => reading.group === group && reading.time >= start && reading.time < end,
    )) {
      if (rules.type === 'delta') figure.sum = (figure.sum ?? 0) + one.volume;
      if (rules.type === 'gauge') figure.values.push(one.volume);
    }
    for (let tick = start; tick < end; tick += 1) {
      const said = stateAt(counted, rules, group, tick);
      if (said === undefined) continue;
      states[tick - start]?.add(said.state);
      if (rules.type === 'gauge' && said.state !== 'missing') {
        figure.amount += said.volume;
        figure.held += 1;
        figure.values.push(said.volume);
        figure.heldValues.push(said.volume);
      }
    }
  }
  for (const state of states) {
    if (state.size === 0 || state.has('missing')) figure.missing += 1;
    else if (state.has('bridged')) figure.bridged += 1;
    else figure.measured += 1;
  }
  if (rules.type !== 'gauge' && states.some((state) => state.size > 0)) figure.sum ??= 0;
  return figure;
}

function greatestOnly(own: readonly OracleReading[], type: CounterType): OracleReading[] {
  return own.filter((one) => {
    const rivals = own.filter(
      (other) => other.time === one.time && (type === 'gauge' || other.epoch === one.epoch),
    );
    return rivals.every((other) => other === one || rank(one) > rank(other));
  });
}

/** If two volumes are equal, the first group in alphabetical order is used; epochs matter to a gauge only in this case. */
function rank({ volume, epoch, group }: OracleReading): number {
  const later = (text: string | null) => (text === null ? 255 : text.charCodeAt(0));
  return volume * 1e6 - later(epoch) * 1e3 - later(group);
}

function addCumulative(
  figure: OracleFigure,
  counted: readonly OracleReading[],
  group: string,
  start: number,
  end: number,
): void {
  const firstEver = Math.min(...counted.map(({ time }) => time));
  const runs = new Set<string | null>();
  let falls = 0;
  for (const one of counted.filter((reading) => reading.group === group)) {
    const inside = one.time >= start && one.time < end;
    if (inside) runs.add(one.epoch);
    if (one.time === firstEver) {
      if (inside) figure.opening = (figure.opening ?? 0) + one.volume;
      continue;
    }
    const sameRun = counted.filter((other) => other.epoch === one.epoch && other.time < one.time);
    const before = sameRun.sort((first, second) => second.time - first.time)[0];
    const fell = before !== undefined && one.volume < before.volume;
    if (fell && inside) falls += 1;
    const used = before === undefined || fell ? one.volume : one.volume - before.volume;
    const digits = decimals(one.volume, before === undefined || fell ? 0 : before.volume);
    const from = Math.max(...counted.map(({ time }) => time).filter((time) => time < one.time));
    // The use until a time, in the smallest unit of the two volumes.
    const until = (time: number) =>
      Math.floor(
        (used / digits) * ((Math.min(Math.max(time, from), one.time) - from) / (one.time - from)) + 1e-9,
      ) * digits;
    if (from >= end || one.time <= start) continue;
    const share = until(end) - until(start);
    figure.sum = (figure.sum ?? 0) + share;
    if (from < start || one.time > end) figure.apportioned += share;
  }
  figure.epochs += runs.size + falls;
}

/** 100 for two integers, 10 or 1 for volumes with decimals. */
function decimals(...volumes: number[]): number {
  return [100, 10, 1].find((unit) => volumes.every((volume) => volume % unit === 0)) ?? 1;
}

function stateAt(
  counted: readonly OracleReading[],
  { type, usual, hold }: OracleRules,
  group: string,
  tick: number,
): { readonly state: string; readonly volume: number } | undefined {
  const times = counted.map(({ time }) => time);
  const from = Math.max(...times.filter((time) => time <= tick));
  const to = Math.min(...times.filter((time) => time > tick));
  if (from === -Infinity) return undefined;
  if (type !== 'gauge') {
    if (to === Infinity || !counted.some((one) => one.time === to && one.group === group)) return undefined;
    return { state: to - from > usual ? 'bridged' : 'measured', volume: 0 };
  }
  const reading = counted.find((one) => one.time === from && one.group === group);
  if (reading === undefined) return undefined;
  const until = Math.min(to, hold === undefined ? to : from + hold);
  if (to === Infinity && (hold === undefined || tick >= until)) return undefined;
  if (tick >= until) return { state: 'missing', volume: 0 };
  return { state: until - from > usual ? 'bridged' : 'measured', volume: reading.volume };
}
