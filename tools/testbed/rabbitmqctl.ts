import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** In ms. */
const deadline = 30_000;

const script = fileURLToPath(new URL('rabbitmqctl.escript', import.meta.url));

type Cli = ChildProcessByStdio<Writable, Readable, Readable>;

/** The commands of `rabbitmqctl` for one broker, one at a time, in a process that starts with the first and stays. */
export class Rabbitmqctl {
  readonly #env: NodeJS.ProcessEnv;
  #cli: Cli | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** @returns its output. @throws Error with its message, or after 30 s */
  run(...args: string[]): Promise<string> {
    const result = this.#last.then(() => this.#run(['--quiet', ...args]));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Ends the process. */
  stop(): void {
    this.#cli?.kill('SIGKILL');
    this.#cli = undefined;
  }

  #run(args: readonly string[]): Promise<string> {
    const cli = (this.#cli ??= this.#start());
    return new Promise((resolve, reject) => {
      let written = '';
      const onText = (text: string) => {
        written += text;
        const [end, code, reason = ''] = /\n== (\d+) (\S*)\n$/.exec(written) ?? [];
        if (end === undefined) return;
        over();
        if (code === '0') resolve(written.slice(0, -end.length));
        else fail(`${written.slice(0, -end.length)}${Buffer.from(reason, 'base64')}`.trim());
      };
      const onClose = () => {
        over();
        this.#cli = undefined;
        fail(`it ended: ${written}`);
      };
      const fail = (reason: string) => reject(new Error(`rabbitmqctl ${args.join(' ')}: ${reason}`));
      const timer = setTimeout(() => {
        over();
        this.stop();
        fail(`took longer than ${deadline / 1000} s`);
      }, deadline);
      const over = () => {
        clearTimeout(timer);
        for (const stream of [cli.stdout, cli.stderr]) stream.off('data', onText);
        cli.off('close', onClose);
      };
      for (const stream of [cli.stdout, cli.stderr]) stream.on('data', onText);
      cli.once('close', onClose);
      cli.stdin.write(`${args.map((arg) => Buffer.from(arg).toString('base64')).join(' ')}\n`);
    });
  }

  #start(): Cli {
    const theirs = join(dirname(realpathSync('/usr/lib/rabbitmq/bin/rabbitmqctl')), '../escript/rabbitmqctl');
    // Out of reach of Ctrl-C in the terminal, so that also an interrupted set-up can be undone.
    const cli = spawn('escript', [script, theirs], {
      env: this.#env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    cli.once('error', () => undefined); // Then it closes, too.
    cli.stdin.on('error', () => undefined);
    for (const stream of [cli.stdout, cli.stderr]) stream.setEncoding('utf8');
    return cli;
  }
}
