import { signatureForms } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import { z } from 'zod';

/** Options of every agent: how its samples travel and are signed. To be checked by {@link signatureFitsWire}. */
export const wireOptions = {
  wire: z
    .enum(['nephoscope', 'ceilometer'])
    .default('nephoscope')
    .describe(
      "Where samples are sent: `nephoscope`, to Nephoscope's collector; `ceilometer`, to Ceilometer's notification agents, in their wire form. Nephoscope's collector accepts both, the latter if `collector.signatures` includes `ceilometer`.",
    ),
  signature: z
    .enum(signatureForms)
    .optional()
    .describe(
      "How messages are signed: `canonical`, or `ceilometer` for Ceilometer's own form, with its known weakness. Default: `canonical`; with `wire: ceilometer` only `ceilometer` is possible.",
    ),
};

interface WireChoice {
  readonly wire: 'nephoscope' | 'ceilometer';
  readonly signature?: SignatureForm | undefined;
}

/** What {@link wireOptions} must agree on: the arguments of zod's `refine`. */
export const signatureFitsWire: [(options: WireChoice) => boolean, { path: string[]; error: string }] = [
  ({ wire, signature }) => wire === 'nephoscope' || signature !== 'canonical',
  {
    path: ['signature'],
    error: 'Ceilometer knows no canonical signature: with `wire: ceilometer` leave it out, or say `ceilometer`',
  },
];

export function signatureFormOf({ wire, signature }: WireChoice): SignatureForm {
  return signature ?? (wire === 'ceilometer' ? 'ceilometer' : 'canonical');
}
