import { NephoscopeError } from '@nephoscope/core';
import { FakeClock } from '@nephoscope/testing';

import type { PublishingChannel } from '../src/broker-channel.js';
import { Publisher } from '../src/publisher.js';

const message = {
  exchange: 'ceilometer',
  routingKey: 'metering.cpu',
  contentType: undefined,
  body: Buffer.from('x'),
};
const confirmTimeout = 20;

/** A channel to a broker that answers as the test says; without an answer messages stay unconfirmed. */
function channelThat(answers: { now: 'confirms' | 'refuses' | 'is silent' }): PublishingChannel {
  return {
    ended: new AbortController().signal,
    onReturn: () => undefined,
    onDrain: () => undefined,
    retire: () => Promise.resolve(),
    publish(_: string, __: string, ___: Buffer, ____: object, onConfirm: (error: Error | null) => void) {
      if (answers.now === 'confirms') onConfirm(null);
      if (answers.now === 'refuses') onConfirm(new Error('message nacked'));
      return true;
    },
  } as unknown as PublishingChannel;
}

describe('the reason that a publisher reports', () => {
  const answers: { now: 'confirms' | 'refuses' | 'is silent' } = { now: 'confirms' };
  let clock: FakeClock;
  let publisher: Publisher;
  const attach = () => publisher.attach(() => Promise.resolve(channelThat(answers)));
  beforeEach(async () => {
    answers.now = 'confirms';
    clock = new FakeClock();
    publisher = new Publisher(confirmTimeout, clock);
    await attach();
  });

  const publish = async (answer: typeof answers.now) => {
    answers.now = answer;
    await publisher.publish(message).catch(() => undefined);
  };
  const cause = () => {
    const health = publisher.health();
    return health.ok
      ? 'none'
      : (/refuses|has blocked publishers|confirmed nothing/.exec(health.reason)?.[0] ?? health.reason);
  };

  it('is an alarm that follows a refusal, and there is none when the alarm is over', async () => {
    await publish('refuses');
    expect(cause()).toBe('refuses');
    publisher.block('low on disk');
    expect(cause()).toBe('has blocked publishers');
    publisher.block(undefined);
    expect(cause()).toBe('none');
  });

  it('is the refusal again, with its first time, if it continues after an alarm', async () => {
    await publish('refuses');
    const { reason: before } = publisher.health() as { reason: string };
    publisher.block('low on disk');
    await clock.advance(5_000);
    publisher.block(undefined);
    await publish('refuses');
    const { reason } = publisher.health() as { reason: string };
    expect(reason).toBe(before.replace('(1 by now)', '(2 by now)'));
    await publish('confirms');
    expect(cause()).toBe('none');
  });

  it('is not a refusal on an earlier connection', async () => {
    await publish('refuses');
    await attach();
    expect(cause()).toBe('none');
  });

  it("is the broker's silence until any answer arrives", async () => {
    await publish('is silent');
    expect(cause()).toBe('confirmed nothing');
    await publish('refuses');
    expect(cause()).toBe('refuses');
    await publish('is silent');
    expect(cause()).toBe('confirmed nothing');
    await publish('confirms');
    expect(cause()).toBe('none');
  });

  it('is not a silence from before an alarm', async () => {
    await publish('is silent');
    publisher.block('low on memory');
    publisher.block(undefined);
    expect(cause()).toBe('none');
  });

  it('is the alarm for unconfirmed messages if the connection ends during it', async () => {
    answers.now = 'is silent';
    const published = publisher.publish(message);
    publisher.block('low on memory');
    const lost = new NephoscopeError('BUS_UNAVAILABLE', 'no answer within 6 s while opening a channel');
    publisher.detach(lost);
    await expect(published).rejects.toMatchObject({
      message: expect.stringMatching(/^RabbitMQ has blocked publishers since \S+ \(low on memory\)/),
      cause: lost,
    });
  });
});
