/**
 * The program of the watchdog's thread, as a text, so that it starts in a few milliseconds, in the same way from the build and
 * from the sources. It receives each plugin with the URL of its folder, by which it finds plugins in a stack, and pings
 * the program.
 */
export const watchdogThread = `
const { readFileSync, writeSync } = require('node:fs');
const { mkdir, open, readFile, rename } = require('node:fs/promises');
const { Session } = require('node:inspector');
const { signals } = require('node:os').constants;
const { dirname } = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');

// Interval between pings while the program answers, ms.
const pause = 2_000;
// Interval between checks of a program that does not answer, ms. Checks are counted, so that the time while the process is
// stopped does not count.
const look = 250;
// A program that has not answered for this long is blocked, ms, if it used the CPU or slept in a call for the second time of
// it. Otherwise it only waited for a CPU on a busy host.
const longest = 4_000;
const own = 2_000;
// How long the program may take to report its stack, ms, by its own time and by the samples taken.
const answer = 3_000;
const longestAnswer = 10_000;
// This long after a signal to stop, ms, the program is pinged; without an answer within the second time it is killed, after
// at most the third for reporting its stack.
const stopping = 5_500;
const stoppingAnswer = 1_000;
const stoppingStack = 2_500;

// Time limit for writing the note, ms: a hanging disk must not keep the program alive.
const noting = 500;
// A plugin's count is reset after this long without ending the program, ms.
const forgiven = 86_400_000;

const plugins = [];
const urls = new Map();
let isAnswered = true;
let askedAt = 0;
let isStopping = false;
let isKilled = false;
let importing;

parentPort.on('message', (message) => {
  if (message === 'here') isAnswered = true;
  else if ('importing' in message) importing = message.importing;
  else plugins.push(message);
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function watch() {
  for (;;) {
    await sleep(pause);
    ask();
    const time = ownTime();
    while (!isAnswered && !isKilled) {
      await time.look();
      if (!isAnswered && time.looked >= longest && time.own() >= own)
        await end((shown) => shown.own() < answer && shown.looked < longestAnswer);
    }
  }
}

function ask() {
  if (isAnswered) askedAt = performance.now();
  isAnswered = false;
  parentPort.postMessage('are you there?');
}

// The program's own time from now on, in which it had a CPU or slept in a call, ms. A check may take longer than its
// interval, because this thread waits for a CPU too, so the CPU time is added and not derived from the waiting time alone.
function ownTime() {
  const from = mainThread();
  return {
    looked: 0,
    async look() {
      await sleep(look);
      this.looked += look;
    },
    own() {
      const now = mainThread();
      const used = now.used - from.used;
      return used + Math.max(0, this.looked - used - (now.waited - from.waited));
    },
  };
}

// How long the main thread has had a CPU, and how long it waited for one, ms; 0 if the system does not report it.
function mainThread() {
  try {
    const [used, waited] = readFileSync('/proc/self/task/' + process.pid + '/schedstat', 'utf8').split(' ');
    return { used: used / 1e6, waited: waited / 1e6 };
  } catch {
    return { used: 0, waited: 0 };
  }
}

// A program in a loop does not receive signals, and on a busy host it may take long to detect the loop, so a signal to stop is
// handled here. Node.js has no other way to receive a signal in a thread; without this one, the checks above remain.
function hearSignals() {
  process.noDeprecation = true;
  const { Signal } = process.binding('signal_wrap');
  for (const signal of [signals.SIGINT, signals.SIGTERM]) {
    const handle = new Signal();
    handle.unref();
    handle.onsignal = () => void stop();
    handle.start(signal);
  }
}

// The main thread receives the signal too, and stops the program unless it is blocked.
async function stop() {
  if (isStopping) return;
  isStopping = true;
  await sleep(stopping);
  ask();
  await sleep(stoppingAnswer);
  if (!isAnswered) await end((shown) => shown.looked < stoppingStack);
}

// Reads the program's stack, logs it, and kills the program.
async function end(mayGoOn) {
  if (isKilled) return;
  const session = new Session();
  session.connectToMainThread();
  // The frames have no URL of their own.
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url));
  session.once('Debugger.paused', ({ params: { callFrames } }) => kill(callFrames));
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  const time = ownTime();
  while (!isAnswered && !isKilled && mayGoOn(time)) await time.look();
  if (isAnswered) return session.disconnect();
  // It is in a system call, such as reading from a pipe.
  kill([]);
}

const urlOf = ({ location }) => urls.get(location.scriptId) ?? '';

// Only SIGKILL ends a process whose main thread is blocked.
function kill(frames) {
  if (isKilled) return;
  isKilled = true;
  const found = frames.flatMap((frame) => plugins.filter(({ folder }) => urlOf(frame).startsWith(folder + '/')))[0];
  const at = frames
    .slice(0, 5)
    .map((frame) => (frame.functionName || 'anonymous') + ' (' + urlOf(frame) + ':' + (frame.location.lineNumber + 1) + ')');
  const plugin = found?.plugin ?? importing;
  const who = plugin === undefined ? 'unidentified code, perhaps of a plugin,' : "the plugin '" + plugin + "'";
  const when = importing === undefined ? '' : ", during the import of '" + importing + "'";
  const line = {
    level: 'error',
    time: new Date().toISOString(),
    pid: process.pid,
    err: { code: 'PROGRAM_BLOCKED', at },
    plugin,
    msg: who + ' has blocked the program for ' + Math.round((performance.now() - askedAt) / 1_000) + ' s' + when + ': the program is ended with SIGKILL',
  };
  try {
    writeSync(2, JSON.stringify(line) + '\\n');
  } catch {
    // Standard error is closed.
  }
  void Promise.race([note(plugin), sleep(noting)])
    .catch(() => undefined)
    .then(() => process.kill(process.pid, 'SIGKILL'));
}

// A note for the next start, which suspends the plugin for some time.
async function note(plugin) {
  if (workerData.note === undefined || plugin === undefined) return;
  const notes = await readFile(workerData.note, 'utf8').then(JSON.parse).catch(() => ({}));
  const last = Date.now();
  const { times = 0, last: before = 0 } = notes[plugin] ?? {};
  const whileImported = plugin === importing;
  notes[plugin] = { times: last - before < forgiven ? times + 1 : 1, last, whileImported };
  // The directory may not exist at the first start.
  await mkdir(dirname(workerData.note), { recursive: true, mode: 0o700 });
  const file = await open(workerData.note + '.new', 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(notes));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(workerData.note + '.new', workerData.note);
}

try {
  hearSignals();
} catch {
  // As above.
}
void watch();
Atomics.store(workerData.isThere, 0, 1);
Atomics.notify(workerData.isThere, 0);
`;

/** The plugin being imported; undefined for none. */
export interface Importing {
  readonly importing: string | undefined;
}

/** A plugin, and the URL of its folder. */
export interface Watched {
  readonly plugin: string;
  readonly folder: string;
}
