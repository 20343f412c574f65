import type { Findings } from './check.js';
import type { InflictedFault } from './inflict.js';
import type { UnexpectedExit } from './supervisor.js';

export interface Report {
  readonly seed: number;
  readonly store: string;
  /** How long faults were made, and how long the whole took, s. */
  readonly faultSeconds: number;
  readonly seconds: number;
  /** From the end of the last fault until everything was in the store, s. */
  readonly drainSeconds: number;
  readonly faults: readonly InflictedFault[];
  /** Samples by who took them, and those of them that are not in the store. */
  readonly taken: Readonly<Record<string, number>>;
  readonly lost: Readonly<Record<string, number>>;
  readonly findings: Findings;
  /** How often each program was started. */
  readonly starts: Readonly<Record<string, number>>;
  readonly unexpectedExits: readonly UnexpectedExit[];
  /** The most resident memory of a program's processes, MiB. */
  readonly peakMemory: Readonly<Record<string, number>>;
  /** Why this run failed; empty if it did not. */
  readonly problems: readonly string[];
}

const shownExits = 10;

/** For display. */
export function formatReport(report: Report): string {
  const { findings } = report;
  const pairs = (numbers: Readonly<Record<string, number>>, unit = '') =>
    Object.entries(numbers)
      .map(([name, number]) => `${name} ${number}${unit}`)
      .join(', ');
  const lines = [
    `seed ${report.seed}, ${report.store}: ${report.seconds} s, ${report.faultSeconds} s of it under faults`,
    'faults (seconds from the first possible; - met nothing):',
    ...report.faults.map(
      ({ began, ended, kind, target, struck }) =>
        `  ${seconds(began)} … ${seconds(ended)} ${struck ? ' ' : '-'} ${target}: ${kind}`,
    ),
    `by kind: ${pairs(byKind(report.faults))}`,
    `starts: ${pairs(report.starts)}`,
    `unexpected exits: ${report.unexpectedExits.length}${report.unexpectedExits.length > shownExits ? ', the first:' : ''}`,
    ...report.unexpectedExits
      .slice(0, shownExits)
      .flatMap(({ program, at, how, lastLines }) => [
        `  ${seconds(at)} ${program}: ${how}`,
        ...lastLines.slice(-3).map((line) => `    ${line.slice(0, 400)}`),
      ]),
    `most memory: ${pairs(report.peakMemory, ' MiB')}`,
    `everything was in the store ${report.drainSeconds} s after the last fault`,
    `taken: ${findings.taken} (${pairs(report.taken)})`,
    `recorded: ${findings.recorded}`,
    `lost: ${findings.lost.length} (${pairs(report.lost)})`,
    `twice: ${findings.twice.length}`,
    ...report.problems.map((problem) => `PROBLEM: ${problem}`),
    report.problems.length === 0 ? 'passed' : `FAILED: again with --seed ${report.seed} --store ${report.store}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** How many faults of each kind, on each class of targets, met something. */
export function byKind(faults: readonly InflictedFault[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { on, kind, struck } of faults) {
    const name = `${on}: ${kind}`;
    if (struck) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const seconds = (ms: number) => (ms / 1_000).toFixed(1).padStart(6);
