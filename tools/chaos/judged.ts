import type { SampleReader } from '@nephoscope/core/sample-store';

import type { Judged, Worker } from './judge.js';
import type { ProgramKind, Scene } from './scene.js';
import { countOf } from './stored-samples.js';

const answerTime = 5_000;

/** The programs of a run, as they are judged. */
export function judgedOf({ arena, status }: Scene, stored: SampleReader): Judged {
  const workers = (kind: ProgramKind, path: string): Worker[] =>
    [...status[kind]].map(([name, url]) => {
      const program = arena.programs.get(name);
      if (program === undefined) throw new Error(`there is no '${name}'`);
      return {
        name,
        start: () => program.start(),
        end: (signal) => program.end(signal),
        async complaint() {
          const { ok, text } = await ask(`${url}${path}`);
          return ok ? undefined : text;
        },
      };
    });
  return {
    collectors: workers('collector', '/readyz'),
    agents: workers('agent', '/readyz'),
    // Its cloud is never reachable, which it reports.
    centrals: workers('central', '/healthz'),
    async recorded() {
      return await countOf(stored);
    },
    async hasRecordedOf(agent, since) {
      const found = stored.samples(
        { scope: 'all', meters: ['instance'], start: BigInt(since) * 1_000_000n, newestFirst: true, limit: 1_000 },
        new AbortController().signal,
      );
      for await (const { publisherId } of found)
        if (publisherId?.startsWith(`compute.${agent}/`) === true) return true;
      return false;
    },
    async holders() {
      const answers = await Promise.all(
        [...status.central].map(async ([name, url]) => ({ name, ...(await ask(`${url}/metrics`)) })),
      );
      return answers.filter(({ text }) => /^nephoscope_central_active 1$/m.test(text)).map(({ name }) => name);
    },
  };
}

async function ask(url: string): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerTime) });
    const text = await response.text();
    return { ok: response.ok, text: response.ok ? text : `${response.status}: ${text.slice(0, 500)}` };
  } catch (error) {
    return { ok: false, text: `it does not answer: ${(error as Error).message}` };
  }
}
