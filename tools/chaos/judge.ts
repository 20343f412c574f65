import { setTimeout as sleep } from 'node:timers/promises';

/** A program that does its work by itself, or does not. */
export interface Worker {
  readonly name: string;
  start(): void;
  /** @returns how it ended; undefined when it did not run */
  end(signal: 'SIGTERM'): Promise<string | undefined>;
  /** Undefined if it reports that it works; otherwise its report, or why there is none. */
  complaint(): Promise<string | undefined>;
}

/** The programs to be checked, each of which must work without the help of the others. */
export interface Judged {
  readonly collectors: readonly Worker[];
  readonly agents: readonly Worker[];
  /** Of which one holds the lock. */
  readonly centrals: readonly Worker[];
  /** How many samples are in the store. */
  recorded(): Promise<number>;
  /** Whether a sample is in the store that the agent made at this time (ms since 1970) or after it. */
  hasRecordedOf(agent: string, since: number): Promise<boolean>;
  /** The programs that report holding the lock. */
  holders(): Promise<readonly string[]>;
}

/** How long each may take to begin working, ms. */
const timeLimit = 45_000;
const pause = 250;
/** Time after which the store has finished earlier work, ms. */
const settling = 3_000;

/**
 * Has each program work alone, where others cannot hide its failure: each collector as the only one, each agent by
 * its own samples, and the central agents with a single lock holder, also after that one is ended. All are running
 * again afterwards.
 *
 * @returns the problems found, a sentence each
 */
export async function judge(judged: Judged, within = timeLimit): Promise<readonly string[]> {
  const problems: string[] = [];
  const note = (problem: string | undefined) => void (problem === undefined || problems.push(problem));
  const since = Date.now();
  for (const worker of [...judged.collectors, ...judged.agents, ...judged.centrals])
    note(await works(worker, within));
  for (const { name } of judged.agents)
    if (!(await comes(() => judged.hasRecordedOf(name, since), within)))
      note(`${name}: no sample that it takes now is recorded within ${within / 1_000} s`);
  for (const collector of judged.collectors) {
    const others = judged.collectors.filter((one) => one !== collector);
    for (const other of others) note(await endsInOrder(other));
    note(await recordsAlone(collector, judged, within));
    for (const other of others) other.start();
    for (const other of others) note(await works(other, within));
  }
  note(await lockIsHeld(judged, within));
  const [holder] = await judged.holders();
  const active = judged.centrals.find(({ name }) => name === holder);
  if (active !== undefined && judged.centrals.length > 1) {
    note(await endsInOrder(active));
    note(await lockIsHeld(judged, within));
    active.start();
    note(await works(active, within));
  }
  return problems;
}

/** Whether samples are recorded while this one is the only collector. */
export async function recordsAlone(
  { name }: Pick<Worker, 'name'>,
  { recorded }: Pick<Judged, 'recorded'>,
  within: number,
): Promise<string | undefined> {
  // A commit in progress at its stop does not count as current work.
  await sleep(Math.min(settling, within / 4));
  const before = await recorded();
  const more = await comes(async () => (await recorded()) > before, within);
  return more ? undefined : `${name} records nothing within ${within / 1_000} s when it is the only collector`;
}

/** A program that was running and was asked to stop. */
export async function endsInOrder(worker: Pick<Worker, 'name' | 'end'>): Promise<string | undefined> {
  const how = await worker.end('SIGTERM');
  if (how === 'exit code 0') return undefined;
  return `${worker.name}, told to stop, ended with ${how ?? 'nothing: it did not run'}`;
}

async function works(worker: Worker, within: number): Promise<string | undefined> {
  let complaint: string | undefined;
  const hasNone = await comes(async () => (complaint = await worker.complaint()) === undefined, within);
  return hasNone ? undefined : `${worker.name} does not do its work after ${within / 1_000} s: ${complaint}`;
}

async function lockIsHeld({ centrals, holders }: Judged, within: number): Promise<string | undefined> {
  if (centrals.length === 0) return undefined;
  let found: readonly string[] = [];
  const one = await comes(async () => (found = await holders()).length === 1, within);
  return one ? undefined : `the lock of the central agents is held by ${found.join(' and ') || 'nobody'}`;
}

async function comes(condition: () => Promise<boolean>, within: number): Promise<boolean> {
  const end = performance.now() + within;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end) return false;
    await sleep(pause);
  }
}
