import { ignoredOption } from '@nephoscope/core/options';
import { z } from 'zod';

const owner = z.strictObject({
  name: z.string().min(1).describe("The domain's name; `*` matches any text."),
  projectId: z.string().optional().describe('Project of such domains.'),
  userId: z.string().optional().describe('User of such domains.'),
});

/** URIs for the option `hypervisor` of previous versions, if no `uri` is given. */
const uriOf = new Map<unknown, string>([
  ['xen', 'xen:///'],
  ['uml', 'uml:///system'],
  ['lxc', 'lxc:///'],
]);
const usualUri = 'qemu:///system';

export const options = z
  .strictObject({
    uri: z.string().default(usualUri).describe("libvirt's connection URI, such as `xen:///` or `lxc:///`."),
    hypervisor: ignoredOption('remove the key; `uri` says which hypervisor it is'),
    deadline: ignoredOption(
      'remove the key; instances that do not answer are left aside after 1s and 25ms for each instance',
    ),
    owners: z
      .array(owner)
      .default([])
      .describe(
        "Owners of domains without nova's metadata; the first match applies. Without a match, project and user are unknown.",
      ),
  })
  .superRefine(({ hypervisor, uri }, context) => {
    const meant = uri === usualUri ? uriOf.get(hypervisor) : undefined;
    if (meant !== undefined)
      context.addIssue({ code: 'custom', path: ['hypervisor'], message: `is written as uri: ${meant}` });
  });

export type Options = z.output<typeof options>;
