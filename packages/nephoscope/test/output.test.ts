import { print, printNote } from '../src/output.js';

/** The text written to a stream while it runs. */
async function written(stream: NodeJS.WriteStream, run: () => unknown): Promise<string> {
  const { write } = stream;
  let text = '';
  stream.write = ((chunk: string, done?: () => void) => {
    text += chunk;
    done?.();
    return true;
  }) as typeof write;
  try {
    await run();
  } finally {
    stream.write = write;
  }
  return text;
}

const nasty = 'a\u001b]0;title\u0007\u009b31m\u202eb';

it('prints results without characters that affect a terminal, and with the same meaning as JSON', async () => {
  const sample = { resource_id: nasty, counter_volume: 1 };
  const text = await written(process.stdout, () => print(`${JSON.stringify(sample)}\n`));
  expect(text).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(text)).toEqual(sample);
});

it('prints notes without such characters', async () => {
  expect(await written(process.stderr, () => printNote(`of ${nasty}`))).toBe(
    'of a\\u001b]0;title\\u0007\\u009b31m\\u202eb\n',
  );
});
