/**
 * Runs one cycle at a time. A group that is due while its own last cycle runs or waits is skipped; one that is due
 * while others run follows them at once, so that a slow group does not prevent another's reading.
 *
 * @param run never rejects
 */
export function singleFlight<G>(
  run: (due: readonly G[]) => Promise<void>,
  skip: (late: readonly G[]) => void,
): (due: readonly G[]) => void {
  const underWay = new Set<G>();
  let waiting: G[] = [];

  async function runAll(): Promise<void> {
    while (waiting.length > 0) {
      const due = waiting;
      waiting = [];
      await run(due);
      for (const group of due) underWay.delete(group);
    }
  }

  return (due) => {
    const late = due.filter((group) => underWay.has(group));
    if (late.length > 0) skip(late);
    const idle = underWay.size === 0;
    for (const group of due) {
      if (underWay.has(group)) continue;
      underWay.add(group);
      waiting.push(group);
    }
    if (idle) void runAll();
  };
}
