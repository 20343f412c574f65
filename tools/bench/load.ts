import type { PrivateRabbitmq } from '../testbed/rabbitmq.js';
import { writeAgentConfiguration } from './agent-configuration.js';
import { novaMetadataXml, startTestDriverHost } from './hosts.js';
import { runScript, within } from './measured-process.js';

/** Shared by the parts of `ingest`. */
export interface Load {
  /** The file with all messages, signed in advance, because agents sign on other machines. */
  readonly messages: string;
  /** The number of samples for measuring the ceilings. */
  readonly sampled: number;
  /** The publisher's configuration. */
  readonly configuration: string;
  readonly broker: PrivateRabbitmq;
}

export const instances = 1_000;

/** Lets an agent read instances with nova's metadata; returns the number of samples in a cycle. */
export async function capture(directory: string, file: string, signal: AbortSignal): Promise<number> {
  const host = await startTestDriverHost(instances, novaMetadataXml);
  try {
    const configuration = await writeAgentConfiguration(directory, host.uri, { type: 'memory' });
    const job = { configuration, file };
    const { samples } = await runScript<{ samples: number }>(
      'captured-messages.mjs',
      job,
      undefined,
      within(signal),
    );
    return samples;
  } finally {
    await host.stop();
  }
}
