import { FakeBus, FakeDelivery } from '../src/index.js';

const delivery = (queue: string) => new FakeDelivery({ queue, body: Buffer.from(queue) });
const message = { exchange: 'e', routingKey: 'k', contentType: 'text/plain', body: Buffer.from('x') };
const never = new AbortController().signal;

describe('FakeBus', () => {
  it('keeps published messages, and confirms those that the test permits', async () => {
    const bus = new FakeBus();
    await bus.publish(message);
    bus.answer = () => Promise.reject(new Error('away'));
    await expect(bus.publish(message)).rejects.toThrow('away');
    expect([bus.offered.length, bus.confirmed.length]).toEqual([2, 1]);
  });

  it("delivers to the queue's consumer, limited by its prefetch", async () => {
    const bus = new FakeBus();
    const got: FakeDelivery[] = [];
    const sent = [delivery('a'), delivery('a'), delivery('b')] as const;
    bus.send(...sent);
    const { cancel } = await bus.consume('a', { prefetch: 1 }, (one) => void got.push(one as FakeDelivery));
    expect([got, bus.waiting, bus.pump()]).toEqual([[sent[0]], [sent[1], sent[2]], 1]);
    got[0]!.ack();
    await Promise.resolve();
    expect(got).toEqual([sent[0], sent[1]]);
    got[1]!.requeue();
    expect(sent.map(({ outcome }) => outcome)).toEqual(['ack', 'requeue', undefined]);
    expect(() => got[1]!.ack()).toThrow('settled twice');
    await cancel();
    bus.send(delivery('a'));
    expect(bus.waiting).toHaveLength(2);
  });

  it('keeps dead letters, unless the test refuses them', async () => {
    const bad = delivery('a');
    await bad.deadLetter('why', { body: Buffer.from('part') });
    bad.deadLetterFails = true;
    await expect(bad.deadLetter('why')).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    expect(bad.dead).toEqual([{ reason: 'why', body: Buffer.from('part') }]);
  });

  it('passes messages to listeners, and returns their number', async () => {
    const bus = new FakeBus();
    const heard: Uint8Array[] = [];
    const queue = { exchange: 'e', queue: 'q', bindings: ['q'], messageTtl: 1, maxMessages: 1 };
    const { cancel } = await bus.listen(queue, (body) => void heard.push(body));
    expect([bus.emit('q', message.body), bus.emit('other', message.body)]).toEqual([1, 0]);
    await cancel();
    expect([bus.emit('q', message.body), heard, bus.listening]).toEqual([0, [message.body], [queue]]);
  });

  it('grants a lock to one program after another, and can take it away', async () => {
    const bus = new FakeBus();
    const first = await bus.lead('lock', never);
    await first.saveNote(Buffer.from('note'));
    const gaveUp = new AbortController();
    const second = bus.lead('lock', gaveUp.signal);
    const third = bus.lead('lock', never);
    gaveUp.abort(new Error('not any more'));
    await expect(second).rejects.toThrow('not any more');
    bus.loseLead('lock');
    expect(first.lost.aborted).toBe(true);
    await expect(first.saveNote(Buffer.from('too late'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    const { note, release, lost } = await third;
    expect(Buffer.from(note).toString()).toBe('note');
    await first.release();
    expect(lost.aborted).toBe(false);
    await release();
    expect(() => bus.loseLead('lock')).toThrow('nobody holds');
  });
});
