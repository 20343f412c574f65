import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/**
 * ms. The largest body takes some seconds, and others wait for it, so a thread that does not return must be given up.
 */
const usualTimeLimit = 30_000;

/**
 * Decompresses bzip2, which Node lacks, in a thread: the library takes a tenth of a second and more per block. The
 * thread is created with the first body, and does not keep the program alive.
 *
 * @param timeLimit in ms
 * @throws what the library throws; a RangeError with Node's code ERR_BUFFER_TOO_LARGE if it is more than `maxBytes`
 */
export async function bunzip(body: Uint8Array, maxBytes: number, timeLimit = usualTimeLimit): Promise<Uint8Array> {
  const worker = (thread ??= startThread());
  worker.ref();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      timer = setTimeout(() => {
        thread = undefined;
        void worker.terminate();
        reject(new Error(`it takes longer than ${timeLimit} ms`));
      }, timeLimit);
      onAnswer = ({ bytes, error, code }: Answer) => {
        if (bytes !== undefined) resolve(bytes);
        else reject(Object.assign(new Error(error), { code }));
      };
      const copy = new Uint8Array(body);
      worker.postMessage({ body: copy, maxBytes }, [copy.buffer]);
    });
  } finally {
    clearTimeout(timer);
    worker.unref();
  }
}

/** Either the bytes or the error. */
interface Answer {
  readonly bytes?: Uint8Array;
  readonly error?: string;
  readonly code?: string | undefined;
}

let thread: Worker | undefined;
/** Bodies are processed one after the other. */
let onAnswer: (answer: Answer) => void = () => undefined;

function startThread(): Worker {
  const library = createRequire(import.meta.url).resolve('seek-bzip');
  const worker = new Worker(threadCode, { eval: true, workerData: library });
  worker.on('message', (answer: Answer) => onAnswer(answer));
  const end = (error: unknown) => {
    if (thread !== worker) return;
    thread = undefined;
    onAnswer({ error: `its thread ended: ${String(error)}` });
  };
  worker.on('error', end);
  worker.on('exit', end);
  return worker;
}

/** The library writes byte by byte, into a buffer of ours, because its own would grow without limit. */
const threadCode = `
  const { parentPort, workerData } = require('node:worker_threads');
  const Bunzip = require(workerData);

  class BoundedOutput {
    constructor(most) {
      this.most = most;
      this.bytes = Buffer.allocUnsafeSlow(Math.min(most, 64 * 1024));
      this.length = 0;
    }
    writeByte(byte) {
      if (this.length === this.bytes.length) this.grow();
      this.bytes[this.length++] = byte;
    }
    grow() {
      if (this.length === this.most)
        throw Object.assign(new RangeError('the output is too large'), { code: 'ERR_BUFFER_TOO_LARGE' });
      const larger = Buffer.allocUnsafeSlow(Math.min(this.most, this.length * 2));
      this.bytes.copy(larger);
      this.bytes = larger;
    }
  }

  parentPort.on('message', ({ body, maxBytes }) => {
    try {
      if (body.byteLength === 0) throw new Error('it is empty');
      const output = new BoundedOutput(maxBytes);
      Bunzip.decode(Buffer.from(body.buffer, body.byteOffset, body.byteLength), output, true);
      parentPort.postMessage({ bytes: output.bytes.subarray(0, output.length) }, [output.bytes.buffer]);
    } catch (error) {
      parentPort.postMessage({ error: error.message, code: typeof error.code === 'string' ? error.code : undefined });
    }
  });
`;
