import { ClaimedPublishers } from '../src/claimed-publishers.js';
import type { Refusal } from '../src/intake.js';

const refusal = (text?: string): Refusal => ({
  kind: 'signature-wrong',
  reason: 'signature-wrong: why',
  count: 1,
  ...(text !== undefined && { bytes: Buffer.from(text) }),
});

it('collects the publishers named in refused messages, each once and at most five, until they are taken', () => {
  const claimed = new ClaimedPublishers();
  const of = (name: string) => refusal(`{"counter_name":"cpu","publisher_id":"${name}","sequence":1}`);
  claimed.add([refusal(), refusal('no JSON "publisher_id":'), of('compute.a/1'), of('compute.a/1')]);
  claimed.add([of('compute.b/2'), of('x'.repeat(200))]);
  expect(claimed.take()).toEqual(['compute.a/1', 'compute.b/2']);
  expect(claimed.take()).toEqual([]);
  claimed.add(Array.from({ length: 19 }, (_, number) => of(`compute.${number}`)));
  expect(claimed.take()).toHaveLength(5);
});
