import { signatureForms } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import { z } from 'zod';

/** Options of every agent: how its samples travel and are signed. To be checked by {@link signatureFitsWire}. */
export const wireOptions = {
  wire: z
    .enum(['nephoscope', 'ceilometer'])
    .default('nephoscope')
    .describe(
      "To whom samples are sent: `nephoscope`, to our collector; `ceilometer`, to a real Ceilometer's notification agents, in their form. Our collector takes both; the latter where `collector.signatures` has `ceilometer`.",
    ),
  signature: z
    .enum(signatureForms)
    .optional()
    .describe(
      "How messages are signed: `canonical`, or `ceilometer` where Ceilometer's own form is wanted, with its known weakness. By default `canonical`, and `ceilometer` with `wire: ceilometer`, where there is no other.",
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
