import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** What may be done to what, and for how long it lasts at the least and at the most, ms. */
const kinds = {
  program: { kill: [0, 2_000], stop: [0, 2_000], freeze: [500, 5_000] },
  service: { kill: [0, 3_000], stop: [0, 3_000], freeze: [500, 5_000] },
  link: {
    reset: [0, 0],
    'client left half-open': [500, 5_000],
    'server left half-open': [500, 5_000],
    'black hole': [500, 5_000],
    delay: [1_000, 5_000],
  },
  disk: { full: [1_000, 5_000] },
} as const;

export type TargetClass = keyof typeof kinds;
export type ProgramFault = keyof (typeof kinds)['program'];
export type ServiceFault = keyof (typeof kinds)['service'];
export type LinkFault = keyof (typeof kinds)['link'];
export type DiskFault = keyof (typeof kinds)['disk'];

export type Fault = {
  /** When it begins and how long it lasts, ms since the first could. */
  readonly at: number;
  readonly lasts: number;
  /** The name of what it is done to. */
  readonly target: string;
} & (
  | { readonly on: 'program'; readonly kind: ProgramFault }
  | { readonly on: 'service'; readonly kind: ServiceFault }
  | { readonly on: 'link'; readonly kind: LinkFault }
  | { readonly on: 'disk'; readonly kind: DiskFault }
);

/** The names of what faults are done to. */
export type Targets = Readonly<Record<TargetClass, readonly string[]>>;

/** Of the pauses from one beginning to the next, ms: shorter than most faults last, so that they overlap. */
const pause = [300, 3_000] as const;

/**
 * A random sequence of faults, the same for the same seed, targets and duration. Every kind on every class of targets
 * comes once before any comes again.
 *
 * @param seed 32 bits
 * @param duration ms in which faults begin
 */
export function planFaults(seed: number, targets: Targets, duration: number): readonly Fault[] {
  const random = xoroshiro128plus(seed);
  const between = ([from, to]: readonly [number, number]) => uniformInt(random, from, to);
  const pick = <T>(items: readonly T[]): T => items[between([0, items.length - 1])] as T;
  const cards = Object.entries(kinds).flatMap(([on, ofClass]) =>
    Object.entries(ofClass).map(([kind, lasts]) => ({ on: on as TargetClass, kind, lasts })),
  );
  const faults: Fault[] = [];
  let deck: typeof cards = [];
  for (let at = between(pause); at < duration; at += between(pause)) {
    if (deck.length === 0) deck = [...cards];
    const [card] = deck.splice(between([0, deck.length - 1]), 1) as [(typeof cards)[number]];
    const { on, kind, lasts } = card;
    faults.push({ at, lasts: between(lasts), target: pick(targets[on]), on, kind } as Fault);
  }
  return faults;
}
