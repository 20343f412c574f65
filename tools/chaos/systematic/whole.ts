import { sweepBroker } from './broker.js';
import { sweepSqlite } from './sqlite.js';
import { sweepState } from './state.js';
import { sweepPostgresql } from './postgresql.js';
import type { Sweep } from './sweep.js';

const progress = (text: string) => void process.stderr.write(`${text}\n`);

/** All sweeps, complete. */
const sweeps: readonly ((signal: AbortSignal) => Promise<Sweep>)[] = [
  (signal) => sweepBroker({ every: 1, lanes: 24, progress }, signal),
  (signal) => sweepState({ progress }, signal),
  (signal) => sweepSqlite({ lanes: 2, progress }, signal),
  (signal) => sweepPostgresql(1, signal),
];

/**
 * Runs them one after another, and prints the number of cuts and the problems of each.
 *
 * @returns whether there were none
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
