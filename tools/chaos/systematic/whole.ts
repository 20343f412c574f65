import { sweepBroker } from './broker.js';
import { sweepSqlite } from './sqlite.js';
import { sweepState } from './state.js';
import { sweepPostgresql } from './postgresql.js';
import type { Sweep } from './sweep.js';

const progress = (text: string) => void process.stderr.write(`${text}\n`);

/** All sweeps, whole. */
const sweeps: readonly ((signal: AbortSignal) => Promise<Sweep>)[] = [
  (signal) => sweepBroker({ every: 1, lanes: 24, progress }, signal),
  (signal) => sweepState({ progress }, signal),
  (signal) => sweepSqlite({ lanes: 2, progress }, signal),
  (signal) => sweepPostgresql(1, signal),
];

/**
 * Makes them one after the other, and prints of each how many cuts there were and what was wrong.
 *
 * @returns whether nothing was
 */
export async function sweepAll(signal: AbortSignal): Promise<boolean> {
  let isRight = true;
  for (const sweep of sweeps) {
    const { name, cuts, wrong } = await sweep(signal);
    process.stdout.write(`${name}: ${cuts.toLocaleString('en')} cuts, ${wrong.length} wrong\n`);
    for (const text of wrong) process.stdout.write(`  ${text}\n`);
    isRight &&= cuts > 0 && wrong.length === 0;
  }
  return isRight;
}
