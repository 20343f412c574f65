import { sweepBroker } from '../systematic/broker.js';

it('cuts the connections between programs and RabbitMQ at some frames without any problem', async () => {
  const options = { every: 80, lanes: 12, progress: () => undefined };
  const { cuts, wrong } = await sweepBroker(options, AbortSignal.timeout(100_000));
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(30);
}, 120_000);
