import { printNote } from './output.js';

const beat = 2_000;

/** Waits for something with a line at the start and, if it takes longer, a progress mark every two seconds. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  printNote(`${what} …`);
  return withSignsOfLife((seconds) => `${what} … ${seconds} s`, work);
}

/** The same without a line at the beginning. */
export async function withSignsOfLife<T>(line: (seconds: number) => string, work: Promise<T>): Promise<T> {
  let seconds = 0;
  const timer = setInterval(() => printNote(line((seconds += beat / 1_000))), beat);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
