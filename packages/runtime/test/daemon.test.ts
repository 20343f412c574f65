import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { bundle } from '../../../tools/testbed/bundle.js';

let program: string;
beforeAll(async () => {
  program = await bundle(new URL('run-to-exit.ts', import.meta.url));
});
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs a case until it exits; sends a signal after each of its lines named in `after`. */
async function run(args: readonly string[], after: Readonly<Record<string, NodeJS.Signals>> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const line of text.split('\n')) if (after[line] !== undefined) child.kill(after[line]);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return {
    code,
    signal,
    stdout,
    stderr,
    log: stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('runToExit', () => {
  it('exits with 0 when everything is done', async () => {
    expect(await run(['done'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits with 1 and a message for an error that the operator can fix', async () => {
    expect(await run(['fails'])).toMatchObject({ code: 1, stderr: 'wrong password: 403\n' });
    const { code, log } = await run(['fails', 'log']);
    expect(code).toBe(1);
    expect(log).toMatchObject([
      { level: 'error', msg: 'wrong password: 403', err: { code: 'BUS_REFUSED', cause: { message: '403' } } },
    ]);
  });

  it('exits with 1 and the stack for a defect', async () => {
    const { code, stderr } = await run(['defect']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^TypeError: x is undefined\n +at .*run-to-exit/);
  });

  it('writes a warning of Node.js to the log, and nothing else', async () => {
    const { code, stderr, log } = await run(['warns', 'log']);
    expect(code).toBe(0);
    expect(log).toMatchObject([
      { level: 'warn', msg: 'Node.js warns: 11 abort listeners added', err: { code: 'W1' } },
    ]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(await run(['warns'])).toMatchObject({
      code: 0,
      stderr: 'MaxListenersExceededWarning: 11 abort listeners added\n',
    });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops on %s with 0', async (signal) => {
    const { code, stdout, log } = await run(['stops', 'log'], { running: signal });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'running\nstopped\n' });
    expect(log).toMatchObject([{ level: 'info', msg: 'stopping', signal }]);
  });

  it('exits with 0 also when main throws the reason of the stop', async () => {
    expect(await run(['throwsReason'], { running: 'SIGTERM' })).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits with 1 when it does not stop cleanly', async () => {
    expect(await run(['failsToStop'], { running: 'SIGTERM' })).toMatchObject({
      code: 1,
      stderr: 'the store does not close\n',
    });
  });

  it.each(['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)(
    'continues after %s, opens no debugger, and logs it',
    async (signal) => {
      const result = await run(['heeds', 'log'], { running: signal, [`heard ${signal}`]: 'SIGTERM' });
      expect(result).toMatchObject({ code: 0, signal: null, stdout: `running\nheard ${signal}\n` });
      expect(result.stderr).not.toContain('Debugger');
      expect(result.log).toMatchObject([
        { msg: expect.stringContaining(`ignored ${signal}`) },
        { msg: 'stopping' },
      ]);
    },
  );

  it('creates files readable by their user only, whatever the umask', async () => {
    expect(await run(['umask'])).toMatchObject({ code: 0, stdout: '77\n' });
  });

  it.each(['log', 'no log'])('continues when its log is no longer read: %s', async (how) => {
    const child = spawn(process.execPath, [program, 'talks', ...(how === 'log' ? [how] : [])], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.destroy();
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(stdout).toBe('done\n');
  });

  it('continues when its output is no longer read', async () => {
    const child = spawn(process.execPath, [program, 'prints', 'log'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('"msg":"done"')]);
  });

  it('ignores a second signal', async () => {
    const result = await run(['waitsForSecond', 'log'], { running: 'SIGTERM', stopping: 'SIGINT' });
    expect(result).toMatchObject({ code: 0, signal: null, stdout: 'running\nstopping\nstopped\n' });
    expect(result.log).toHaveLength(1);
  });

  it('exits with 1 if it has not stopped 10 s after the signal', async () => {
    const { code, stdout, log } = await run(['hangs', 'log'], { running: 'SIGTERM' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'running\nstopping\n' });
    expect(log.at(-1)).toMatchObject({
      level: 'error',
      msg: 'not stopped 10 s after SIGTERM: ended',
      err: { code: 'STOP_TIMEOUT' },
    });
  });

  it('exits with 1 and a log line if nothing is left to wait for', async () => {
    const { code, log } = await run(['waitsForNothing', 'log']);
    expect(code).toBe(1);
    expect(log).toMatchObject([
      { level: 'error', msg: expect.stringContaining('ended unexpectedly'), err: { code: 'ENDED_UNASKED' } },
    ]);
  });

  it('kills a process with SIGKILL if a call never returns', async () => {
    expect(await run(['leavesCall'])).toMatchObject({
      signal: 'SIGKILL',
      stderr: 'something was left open 10 s after the end: ended\n',
    });
  });

  it('exits with 1 if the process is still running 10 s after its end', async () => {
    expect(await run(['leavesOpen'])).toMatchObject({
      code: 1,
      stderr: 'something was left open 10 s after the end: ended\n',
    });
  });
});
