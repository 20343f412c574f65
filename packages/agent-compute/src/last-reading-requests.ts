import { LogLimit } from '@nephoscope/async';
import type { Clock, Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import { lastReadingReader } from '@nephoscope/message';
import type { HeardRequest } from '@nephoscope/message';
import { NewestFirst } from '@nephoscope/runtime';

import type { AgentMetrics } from './metrics.js';
import type { ReadingOrder } from './reading-order.js';

/** The rank of a request. */
export interface RequestStanding {
  readonly isSigned: boolean;
  /** Whether its instance was read before and is still listed. */
  readonly isKnown: boolean;
}

export interface AcceptedRequest {
  readonly instanceId: string;
  readonly why: string;
  /** ns on the monotonic clock */
  readonly announcedHere: bigint;
  readonly asked: RequestStanding;
}

export interface LastReadingRequestsParts {
  readonly host: string;
  readonly secrets: readonly Secret[];
  readonly order: Pick<ReadingOrder, 'knows'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly signal: AbortSignal;
  /** Called when a request can be taken. */
  readonly onReady: () => void;
}

// This many unsigned requests are served at once, and then one each pause, ms.
const unsignedBurst = 10;
const unsignedPause = 500;
// Limits of the queues, and waiting time, ms. An announced end may be 75 s away; requests for unknown instances
// expire sooner.
const ofKnown = { most: 1_000, maxAge: 75_000 };
const ofUnknown = { most: 100, maxAge: 5_000 };
// After this many announcements of the end of an instance within this time, ns, further ones rank as unsigned,
// because the instance is being read anyway. With both forms of notifications, nova announces a resize, its revert
// and the deletion by 26. A single announcement causes as many readings in that time.
const oftenest = 40;
const often = 75_000_000_000n;

const texts = {
  unsigned: 'without a signature',
  wrong: 'with a wrong signature',
  untimely: 'signed more than a minute ago or ahead: compare the clocks',
  replayed: 'heard before',
  unreadable: 'that are malformed',
  frequent: `for an instance that had ${oftenest} in ${often / 1_000_000_000n} s`,
  dropped: 'dropped because there were too many',
} as const;
type Remark = keyof typeof texts;
type Waiting = NewestFirst<AcceptedRequest>;

/**
 * Waiting requests for last readings. Anyone on the bus can send one. Those signed by a collector are served first,
 * then unsigned ones at a low rate; in both classes, instances that are on this host come first, and the newest
 * before older ones.
 */
export class LastReadingRequests {
  readonly #parts: LastReadingRequestsParts;
  readonly #read: (body: Uint8Array) => HeardRequest;
  readonly #signed: readonly [known: Waiting, unknown: Waiting];
  readonly #unsigned: readonly [known: Waiting, unknown: Waiting];
  /** How often each instance was requested with a signature, and since when. */
  readonly #counts = new Map<string, { readonly since: bigint; count: number }>();
  readonly #logLimit: LogLimit;
  #unlogged = new Map<Remark, number>();
  #unsignedLeft = unsignedBurst;
  #filledAt: bigint;
  #isWaiting = false;

  constructor(parts: LastReadingRequestsParts) {
    this.#parts = parts;
    this.#read = lastReadingReader(parts.host, parts.secrets, parts.clock);
    const onDropped = (count: number) => {
      parts.metrics.lastReadings.inc({ result: 'dropped' }, count);
      this.#remark('dropped', count);
    };
    const waiting = (): readonly [Waiting, Waiting] => [
      new NewestFirst({ ...ofKnown, onDropped }, parts.clock),
      new NewestFirst({ ...ofUnknown, onDropped }, parts.clock),
    ];
    this.#signed = waiting();
    this.#unsigned = waiting();
    this.#logLimit = new LogLimit(parts.clock, parts.signal);
    this.#filledAt = parts.clock.monotonic();
  }

  /** Receives a message. */
  hear(body: Uint8Array): void {
    const { clock, metrics, onReady, order } = this.#parts;
    const heard = this.#read(body);
    metrics.lastReadingRequests.inc({ kind: heard.kind });
    if (heard.kind !== 'signed') this.#remark(heard.kind);
    if (!('request' in heard)) return;
    const { instance, reason, announced } = heard.request;
    const isKnown = order.knows(instance);
    const isSigned = heard.kind === 'signed' && !(isKnown && this.#isFrequent(instance));
    const why = `${reason} of ${announced}`;
    const asked = { isSigned, isKnown };
    if (!isSigned && this.#signed.some((one) => one.has(instance))) return;
    for (const one of [...this.#signed, ...this.#unsigned]) one.delete(instance);
    const [known, unknown] = isSigned ? this.#signed : this.#unsigned;
    const announcedHere = clock.monotonic();
    (isKnown ? known : unknown).add(instance, { instanceId: instance, why, announcedHere, asked });
    onReady();
  }

  /** The request to serve now, if any. @param unsigned whether an unsigned one may be returned */
  take(unsigned: boolean): AcceptedRequest | undefined {
    const signed = takeOf(this.#signed);
    if (signed !== undefined || !unsigned) return signed;
    this.#refill();
    if (this.#unsignedLeft === 0) {
      if (this.#unsigned.some(({ size }) => size > 0)) this.#wait();
      return undefined;
    }
    const request = takeOf(this.#unsigned);
    if (request !== undefined) this.#unsignedLeft -= 1;
    return request;
  }

  #refill(): void {
    const pause = BigInt(unsignedPause) * 1_000_000n;
    const earned = (this.#parts.clock.monotonic() - this.#filledAt) / pause;
    this.#filledAt += earned * pause;
    this.#unsignedLeft = Math.min(unsignedBurst, this.#unsignedLeft + Number(earned));
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const { clock, onReady, signal } = this.#parts;
    void clock.sleep(unsignedPause, signal).then(
      () => {
        this.#isWaiting = false;
        onReady();
      },
      () => undefined,
    );
  }

  #isFrequent(instance: string): boolean {
    const now = this.#parts.clock.monotonic();
    let counted = this.#counts.get(instance);
    if (counted === undefined || now - counted.since > often) {
      for (const [id, { since }] of this.#counts) if (now - since > often) this.#counts.delete(id);
      this.#counts.set(instance, (counted = { since: now, count: 0 }));
    }
    counted.count += 1;
    if (counted.count > oftenest) this.#remark('frequent');
    return counted.count > oftenest;
  }

  #remark(what: Remark, count = 1): void {
    this.#unlogged.set(what, (this.#unlogged.get(what) ?? 0) + count);
    this.#logLimit.log(() => {
      const remarks = [...this.#unlogged];
      this.#unlogged = new Map();
      const isOrdinary = remarks.every(([kind]) => kind === 'unsigned');
      const all = remarks.map(([kind, number]) => `${number} ${texts[kind]}`).join(', ');
      const text = `requests for last readings, since the last such line: ${all}`;
      this.#parts.logger[isOrdinary ? 'info' : 'warn'](Object.fromEntries(remarks), text);
    });
  }
}

function takeOf([known, unknown]: readonly [Waiting, Waiting]): AcceptedRequest | undefined {
  return known.take() ?? unknown.take();
}
