import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';
import { createSigner, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';

export const secret = new Secret('a secret of the tests');

/** A signed sample, as a store returns it. */
export function sampleOf(
  counter: Partial<Counter> = {},
  envelope: { epoch?: string; messageId?: string } = {},
  form: SignatureForm = 'canonical',
): Sample {
  const whole: Counter = {
    name: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: 1n,
    userId: 'user',
    projectId: 'project',
    resourceId: 'instance-1',
    timestamp: 1_000_000_000_000_000_000n,
    resourceMetadata: { display_name: 'web' },
    ...counter,
  };
  const text = signMeteringMessage(
    whole,
    {
      source: 'openstack',
      messageId: envelope.messageId ?? 'message-1',
      publisherId: 'test/1',
      sequence: 1n,
      epoch: envelope.epoch,
    },
    createSigner({ secret, form }),
  );
  return readMeteringMessage(text).sample;
}
