import { z } from 'zod';

const unit: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const form = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)$/;

/**
 * A size as operators write it: `512MiB`, `4GiB`; the value is in bytes. A bare number means bytes, as older
 * configurations have it; the configuration reader warns of it.
 */
export const byteSize = () =>
  z
    .union([z.number().positive(), z.string().regex(form)])
    .transform((value) => {
      if (typeof value === 'number') return Math.floor(value);
      const [, amount, name] = form.exec(value) as unknown as [string, string, string];
      return Math.floor(Number(amount) * (unit[name] as number));
    })
    .pipe(z.int().positive())
    .meta({ title: 'a size', like: ['512MiB', '4GiB'], unit: 'B' });
