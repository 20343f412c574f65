const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Passes `work` through; if it takes longer than two seconds, this is shown on stderr, and again every ten. */
export async function progress<T>(what: string, work: Promise<T>): Promise<T> {
  const start = performance.now();
  let shown = false;
  const show = () => {
    process.stderr.write(shown ? `  ${what}: ${seconds(start)} so far\n` : `${what} …\n`);
    shown = true;
  };
  const first = setTimeout(show, 2_000);
  const again = setInterval(show, 10_000);
  try {
    const result = await work;
    if (shown) process.stderr.write(`  ${what}: done in ${seconds(start)}\n`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}
