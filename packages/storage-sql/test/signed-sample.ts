import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';
import { createSigner, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';
import type { MeteringEnvelope } from '@nephoscope/message';

const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
export const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 7n,
  userId: 'u',
  projectId: 'p',
  resourceId: 'r',
  timestamp: 1_763_845_200_194_936_000n,
  resourceMetadata: { host: 'compute-1', display_name: 'naïve 🙂' },
};
const envelope: MeteringEnvelope = {
  source: 'openstack',
  messageId: '0199d1f0-0000-7000-8000-000000000001',
  publisherId: 'compute.a/1',
  sequence: 1n,
  epoch: 'e',
};

/** A sample as an agent sends it, after reading. */
export const signedSample = (
  ofCounter: Partial<Counter> = {},
  ofEnvelope: Partial<MeteringEnvelope> = {},
): Sample =>
  readMeteringMessage(signMeteringMessage({ ...counter, ...ofCounter }, { ...envelope, ...ofEnvelope }, signer))
    .sample;
