/** The tests that a contract defines, by name, without running them. */
export function testsOf(contract: () => void): ReadonlyMap<string, () => void | Promise<void>> {
  const tests = new Map<string, () => void | Promise<void>>();
  const framework = globalThis as unknown as { describe: unknown; it: unknown };
  const { describe, it } = framework;
  Object.assign(framework, {
    describe: (_name: string, body: () => void) => body(),
    it: (name: string, body: () => void | Promise<void>) => tests.set(name, body),
  });
  try {
    contract();
  } finally {
    Object.assign(framework, { describe, it });
  }
  return tests;
}

/** The error of the contract's test whose name begins with `name`; `passed` if there is none. */
export async function verdictOf(contract: () => void, name: string): Promise<string> {
  const found = [...testsOf(contract)].filter(([each]) => each.startsWith(name));
  if (found.length !== 1) throw new Error(`${found.length} tests of the contract begin with '${name}'`);
  try {
    await found[0]?.[1]();
    return 'passed';
  } catch (error) {
    return (error as Error).message;
  }
}
