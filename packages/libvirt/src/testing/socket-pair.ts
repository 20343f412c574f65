import { Duplex } from 'node:stream';

/** Two ends of a connection in memory: what is written to one is read from the other. */
export function socketPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0]) {
    const end = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        const peer = ends[other]!;
        if (!peer.readableEnded && !peer.destroyed) peer.push(chunk);
        done();
      },
      final(done) {
        ends[other]!.push(null);
        done();
      },
      destroy(error, done) {
        const peer = ends[other]!;
        if (!peer.destroyed && !peer.readableEnded) peer.push(null);
        done(error);
      },
    });
    ends.push(end);
  }
  return [ends[0]!, ends[1]!];
}
