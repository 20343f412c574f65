import { readdirSync, readFileSync } from 'node:fs';

import fc from 'fast-check';

import { answers } from './answers.js';
import { apiRequests } from './api-requests.js';
import { configuration } from './configuration.js';
import { listings } from './listings.js';
import { messages } from './messages.js';
import { notifications } from './notifications.js';
import type { Target } from './target.js';

export const targets: readonly Target[] = [messages, notifications, answers, listings, configuration, apiRequests];

/** Blocking the event loop for this long, ms of processor time, is a failure too: a hundred times what any input takes. */
const longest = 5_000;

/** The result of a run of one target. */
export interface Outcome {
  readonly runs: number;
  /** The longest time of one input, ms. */
  readonly slowest: number;
  readonly failure?: { readonly input: string; readonly error: string };
}

/** Tries this many inputs; always the same for one seed. */
export async function fuzz(target: Target, seed: number, runs: number): Promise<Outcome> {
  let slowest = 0;
  const property = fc.asyncProperty(target.inputs, async (input) => {
    slowest = Math.max(slowest, await timeOf(target, input));
  });
  const { counterexample, errorInstance, failed, numRuns } = await fc.check(property, { seed, numRuns: runs });
  if (!failed) return { runs: numRuns, slowest };
  const error =
    errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  return { runs: numRuns, slowest, failure: { input: counterexample?.[0] ?? '', error } };
}

/** What once failed: a file each, in a folder of its target's name. */
export function corpusOf(target: Target): readonly { readonly name: string; readonly input: string }[] {
  const folder = new URL(`corpus/${target.name}/`, import.meta.url);
  return readdirSync(folder).map((name) => ({ name, input: readFileSync(new URL(name, folder), 'utf8') }));
}

/** @throws the error of the check, and an Error if it takes too long */
export async function timeOf(target: Target, input: string): Promise<number> {
  const start = process.cpuUsage();
  await target.check(input);
  const { user, system } = process.cpuUsage(start);
  const time = (user + system) / 1_000;
  if (time > longest) throw new Error(`it took ${Math.round(time)} ms`);
  return time;
}
