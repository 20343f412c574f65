import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitUntil } from '../testbed/processes.js';
import { check, problemsOf, rowVerifier } from './check.js';
import type { Expectation } from './check.js';
import { readDeadLetters } from './dead-letters.js';
import { planFaults } from './fault-plan.js';
import type { Fault, Targets } from './fault-plan.js';
import { readGeneratorLedger } from './generator-ledger.js';
import { inflict } from './inflict.js';
import type { InflictedFault } from './inflict.js';
import { endsInOrder, judge } from './judge.js';
import { judgedOf } from './judged.js';
import type { Report } from './report.js';
import { byKind } from './report.js';
import { secret } from './configuration.js';
import { buildScene } from './scene.js';
import type { Scene } from './scene.js';
import { selfTest, selfTestOfJudge } from './self-test.js';
import { countOf, countRows, readerAt } from './stored-samples.js';

export interface RunOptions {
  readonly seed: number;
  readonly store: 'postgresql' | 'sqlite';
  /** ms in which faults begin. */
  readonly duration: number;
  /** An empty folder that vanishes with this process. */
  readonly directory: string;
  /** The directory of the programs' logs. */
  readonly logs: string;
}

/**
 * Time limits, ms: until a first sample is recorded, until all agents accept samples after the faults, until the
 * generator has sent its samples, until all are recorded.
 */
const firstSampleTime = 60_000;
const recoveryTime = 45_000;
const finishTime = 60_000;
const drainTime = 90_000;
const drainPause = 500;
/** Time until ended programs have left nothing at the services, ms. */
const leavingTime = 20_000;
/** Faults are inflicted in rounds of at least this length, ms, and each program is checked between them. */
const partOfFaults = 60_000;

/** One test: running programs, faults, their end, and the comparison of accepted with stored samples. */
export async function run({ seed, store, duration, directory, logs }: RunOptions): Promise<Report> {
  const began = performance.now();
  const print = (text: string) => process.stderr.write(`  ${text}\n`);
  await mkdir(logs, { recursive: true });
  const scene = await buildScene({ store, directory, logs, duration });
  const stored = readerAt(scene.storeUrl);
  for (const program of scene.arena.programs.values()) program.start();
  // A collector makes it.
  const isThere = () =>
    stored.start(AbortSignal.timeout(firstSampleTime)).then(
      () => true,
      () => false,
    );
  await waitUntil('the store is there', isThere, firstSampleTime);
  await waitUntil('every source has a sample in the store', () => recordsAll(scene, stored), firstSampleTime);
  print('samples are recorded: the faults begin');

  const watching = watchMemory(scene);
  const faultsBegan = performance.now();
  const judged = judgedOf(scene, stored);
  const problems: string[] = [];
  const note = (problem: string) => void problems.push(problem);
  const faults: InflictedFault[] = [];
  let judging = 0;
  for (const { plan, from, lasts } of parts(planFaults(seed, targetsOf(scene), duration), duration)) {
    if (from > 0) {
      print('a pause: each program must do its work alone');
      const began = performance.now();
      for (const problem of await judge(judged)) note(`after ${seconds(from)} s of faults: ${problem}`);
      judging += performance.now() - began;
    }
    const inflicted = await inflict(plan, scene.arena, lasts, ({ target, kind, ended, began: at }) =>
      print(`${((from + at) / 1_000).toFixed(1)} s: ${target}: ${kind}, ${((ended - at) / 1_000).toFixed(1)} s`),
    );
    faults.push(...inflicted.map((fault) => ({ ...fault, began: from + fault.began, ended: from + fault.ended })));
  }
  const faultsEnded = performance.now();

  print('the faults are over: everything that was taken must arrive');
  await takesAgain(scene).catch((error: Error) => note(error.message));
  print('each program must do its work alone');
  problems.push(...(await judge(judged)));
  const [collector, ...others] = [...scene.status.collector.keys()].flatMap(
    (name) => scene.arena.programs.get(name) ?? [],
  );
  if (collector !== undefined) problems.push(...(await selfTestOfJudge(collector, others, judged)));
  // From here on no new samples are accepted, and accepted ones must be sent.
  await scene.stopHypervisor();
  await writeFile(join(scene.generatorDirectory, 'finish'), '');
  await finishGenerator(scene).catch((error: Error) => note(error.message));
  if (!(await isDrained(scene, stored))) note(`not everything had arrived after ${drainTime / 1_000} s`);
  const drained = performance.now();
  for (const [name, program] of scene.arena.programs) {
    if (name === generatorName) continue;
    const problem = await endsInOrder(program);
    if (problem !== undefined) note(problem);
  }
  await watching.stop();

  const expectation = await expectationOf(scene);
  const rows = [];
  for await (const { messageId, text } of stored.samples({ scope: 'all' }, new AbortController().signal))
    rows.push({ messageId, text });
  const deadLetters = await readDeadLetters(scene.brokerUrl);
  const verdictOf = rowVerifier(secret);
  const findings = await check(expectation, rows, deadLetters, verdictOf);
  await stored.stop();
  for (const left of await leftBehind(scene)) note(`left behind when all had ended: ${left}`);
  problems.push(...problemsOf(findings), ...expectation.problems);
  if (store === 'postgresql') {
    const rowCount = await countRows(scene.storeUrl);
    if (rowCount !== rows.length)
      note(`the store gives ${rows.length} samples, and its table has ${rowCount} rows`);
  }
  problems.push(...(await selfTest(expectation, rows, deadLetters, verdictOf)));
  problems.push(...tooLittle(faults, expectation.byTaker, duration));
  const entries = [...scene.arena.programs];
  return {
    seed,
    store,
    faultSeconds: seconds(faultsEnded - faultsBegan - judging),
    seconds: seconds(performance.now() - began),
    drainSeconds: seconds(drained - faultsEnded),
    faults,
    taken: counted(expectation.byTaker),
    lost: counted(expectation.byTaker, new Set(findings.lost)),
    findings,
    starts: Object.fromEntries(entries.map(([name, { starts }]) => [name, starts])),
    unexpectedExits: scene.unexpectedExits.map((exit) => ({ ...exit, at: Math.round(exit.at - faultsBegan) })),
    peakMemory: Object.fromEntries(
      entries.map(([name, { peakMemory }]) => [name, Math.round(peakMemory / 1024 ** 2)]),
    ),
    problems,
  };
}

/** How many there are of each, or how many of these. */
function counted(
  ids: LedgerExpectation['byTaker'],
  among?: ReadonlySet<string>,
): Readonly<Record<string, number>> {
  const entries = [...ids].map(([name, all]) => [name, all.filter((id) => among?.has(id) ?? true).length]);
  return Object.fromEntries(entries) as Record<string, number>;
}

const generatorName = 'generator';
const seconds = (ms: number) => Math.round(ms / 100) / 10;

function targetsOf({ arena }: Scene): Targets {
  return {
    program: [...arena.programs.keys()],
    service: [...arena.services.keys()],
    link: [...arena.links.keys()],
    disk: [...arena.disks.keys()],
  };
}

/** The contents of the ledgers, and problems of the ledgers themselves. */
interface LedgerExpectation extends Expectation {
  readonly byTaker: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly string[];
}

async function expectationOf(scene: Scene): Promise<LedgerExpectation> {
  const { messages } = await readGeneratorLedger(scene.generatorDirectory);
  const good = messages.flatMap((message) => message.good);
  const taken = new Set(good);
  const byTaker = new Map<string, readonly string[]>([[generatorName, good]]);
  const problems: string[] = [];
  for (const [name, follower] of scene.spools) {
    const { ids, problems: ofLedger } = await follower.taken();
    byTaker.set(name, ids);
    for (const id of ids) taken.add(id);
    problems.push(...ofLedger.map((text) => `ledger of ${name}: ${text}`));
  }
  return { taken, refused: new Set(messages.flatMap(({ bad }) => bad)), byTaker, problems };
}

async function recordsAll(scene: Scene, stored: ReturnType<typeof readerAt>): Promise<boolean> {
  const { byTaker } = await expectationOf(scene);
  return [...byTaker.values()].every(({ length }) => length > 0) && (await countOf(stored)) > 0;
}

/** Waits until all agents have accepted more samples, so that a program stopped by the last fault is working again. */
async function takesAgain(scene: Scene): Promise<void> {
  const before = (await expectationOf(scene)).byTaker;
  const tookMore = async () => {
    await sleep(drainPause);
    const { byTaker } = await expectationOf(scene);
    return [...byTaker].every(([name, { length }]) => length > (before.get(name)?.length ?? 0));
  };
  await waitUntil('everybody takes samples after the faults', tookMore, recoveryTime);
}

/** Waits until as many samples are in the store, and as many dead letters, as there must be. */
async function isDrained(scene: Scene, stored: ReturnType<typeof readerAt>): Promise<boolean> {
  const deadline = performance.now() + drainTime;
  while (performance.now() < deadline) {
    const { taken, refused } = await expectationOf(scene);
    if ((await countOf(stored)) >= taken.size && (await readDeadLetters(scene.brokerUrl)).length >= refused.size)
      return true;
    await sleep(drainPause);
  }
  return false;
}

async function finishGenerator(scene: Scene): Promise<void> {
  const generator = scene.arena.programs.get(generatorName);
  const late = sleep(finishTime, 'late', { ref: false });
  const how = await Promise.race([generator?.endsByItself(), late]);
  if (how !== 'exit code 0') throw new Error(`the load generator did not finish: ${how}`);
}

/** The plan in parts of equal length, each with its faults at the times since its beginning. */
function parts(plan: readonly Fault[], duration: number) {
  const count = Math.max(1, Math.floor(duration / partOfFaults));
  const lasts = duration / count;
  return Array.from({ length: count }, (_, index) => {
    const from = index * lasts;
    const inPart = plan.filter(({ at }) => at >= from && at < from + lasts);
    return { plan: inPart.map((fault) => ({ ...fault, at: fault.at - from })), from, lasts };
  });
}

async function leftBehind(scene: Scene): Promise<readonly string[]> {
  const end = performance.now() + leavingTime;
  for (;;) {
    const left = await scene.leftBehind();
    if (left.length === 0 || performance.now() > end) return left;
    await sleep(drainPause);
  }
}

function watchMemory({ arena }: Scene): { stop(): Promise<void> } {
  const measure = () => Promise.all([...arena.programs.values()].map((program) => program.measureMemory()));
  const timer = setInterval(() => void measure(), 500);
  return {
    async stop() {
      clearInterval(timer);
      await measure();
    },
  };
}

/** A test in which little happened proves nothing. */
function tooLittle(
  faults: Report['faults'],
  taken: LedgerExpectation['byTaker'],
  duration: number,
): readonly string[] {
  const struck = faults.filter((fault) => fault.struck).length;
  const kinds = Object.keys(byKind(faults)).length;
  const secondsOfFaults = duration / 1_000;
  return [
    ...(struck >= secondsOfFaults / 4 && kinds >= 4
      ? []
      : [`only ${struck} faults of ${kinds} kinds met something`]),
    ...[...taken]
      .filter(([, { length }]) => length < 20 * secondsOfFaults)
      .map(([name, { length }]) => `only ${length} samples were taken by ${name}`),
  ];
}
