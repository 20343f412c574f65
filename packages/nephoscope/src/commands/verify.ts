import { NephoscopeError } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { Sample, SampleReader } from '@nephoscope/core/sample-store';
import { checkSample, createVerifier, signatureForms } from '@nephoscope/message';
import { printable } from '@nephoscope/runtime';
import { Command } from 'commander';

import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { filterOf, withQueryOptions } from '../sample-query.js';
import type { QueryOptions } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';

export function verifyCommand(): Command {
  return withQueryOptions(new Command('verify'), 'at most this many, the newest')
    .summary('check the signatures of recorded samples again')
    .description(
      'Checks recorded samples against the configured secrets: that each message still bears its signature, and that the columns beside it say what it says.',
    )
    .addHelpText(
      'after',
      `
Lists each sample that fails, with its message id and the reason, and then how many were verified in which form
of signature. Exits with code 1 when any fails. Of --config, it needs 'secrets'; samples that were signed with
an older secret verify as long as that one is in the list.

Examples:
  nephoscope verify
  nephoscope verify --start 2026-11-01 --end 2026-12-01 --project 0d8f…
  nephoscope verify --config /etc/nephoscope/nephoscope.yaml --store sqlite:/backup/samples.db`,
    )
    .action((options: QueryOptions) =>
      runCommand((signal) =>
        withStore({ ...options, withSecrets: true }, signal, ({ reader, secrets }) =>
          verifySamples(reader, secrets, options, signal),
        ),
      ),
    );
}

async function verifySamples(
  reader: SampleReader,
  secrets: readonly Secret[] | undefined,
  options: QueryOptions,
  signal: AbortSignal,
): Promise<void> {
  if (secrets === undefined)
    throw new NephoscopeError(
      'SECRET_EMPTY',
      "signatures are checked with the secrets of a configuration, and none is given: name one that has 'secrets' with --config",
    );
  const verifier = createVerifier({ secrets });
  const verified = new Map<string, number>();
  let checked = 0;
  let failed = 0;
  const check = async (sample: Sample) => {
    const result = checkSample(sample, verifier);
    checked += 1;
    if ('form' in result) {
      verified.set(result.form, (verified.get(result.form) ?? 0) + 1);
      return;
    }
    failed += 1;
    await print(
      `${printable(`${sample.messageId}  ${sample.meter} of ${sample.resourceId}: ${result.reason}`)}\n`,
    );
  };
  await withSignsOfLife(
    () => `${groupDigits(String(checked))} samples checked, ${groupDigits(String(failed))} failed …`,
    (async () => {
      const order = options.limit === undefined ? {} : { newestFirst: true, limit: options.limit };
      for await (const sample of reader.samples({ ...filterOf(options), ...order }, signal)) await check(sample);
    })(),
  );
  const forms = signatureForms.map((form) => `${groupDigits(String(verified.get(form) ?? 0))} ${form}`).join(', ');
  const total = [...verified.values()].reduce((sum, count) => sum + count, 0);
  await print(`${groupDigits(String(total))} verified (${forms}), ${groupDigits(String(failed))} failed\n`);
  if (checked === 0) printNote('No samples match.');
  if (failed > 0)
    throw new NephoscopeError(
      'SAMPLES_UNVERIFIED',
      `${groupDigits(String(failed))} of ${groupDigits(String(checked))} samples are not what was signed with the configured secrets`,
    );
}
