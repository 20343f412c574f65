import type { Missing } from '@nephoscope/core';

export const off: Missing = { missing: 'off', detail: 'the instance does not run' };

export const busy: Missing = {
  missing: 'busy',
  detail:
    'the hypervisor got no answer from this instance in time: it is stuck, or another job such as a migration ' +
    'holds it; its counters go on when it answers again',
};

export const notReached: Missing = {
  missing: 'busy',
  detail:
    'there was no time left in this reading to ask this instance: the host is busy, or too many others do not answer',
};

export const notReported: Missing = { missing: 'unsupported', detail: 'this hypervisor does not report it' };

export const notCounted: Missing = {
  missing: 'unsupported',
  detail:
    'the host counts no traffic of this card: it has no device on the host, or that device keeps no counters',
};

export const passedThrough: Missing = {
  missing: 'unsupported',
  detail: 'the card is passed through to the guest (hostdev, SR-IOV), so the host cannot count its traffic',
};
