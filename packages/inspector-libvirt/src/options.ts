import { z } from 'zod';

/** libvirt's usual URI for each kind of hypervisor. */
export const defaultUri = {
  kvm: 'qemu:///system',
  qemu: 'qemu:///system',
  xen: 'xen:///',
  uml: 'uml:///system',
  lxc: 'lxc:///',
} as const;

const owner = z.strictObject({
  name: z.string().min(1).describe("The domain's name, `*` for any text."),
  projectId: z.string().optional().describe('Project of such domains.'),
  userId: z.string().optional().describe('User of such domains.'),
});

export const options = z.strictObject({
  uri: z
    .string()
    .optional()
    .describe('How to reach libvirt, as libvirt spells it. Default: the usual URI of `hypervisor`.'),
  hypervisor: z
    .enum(Object.keys(defaultUri) as [keyof typeof defaultUri])
    .default('kvm')
    .describe('The kind of hypervisor, where no `uri` is given.'),
  deadline: z
    .number()
    .positive()
    .meta({ unit: 'seconds' })
    .default(1)
    .describe(
      'Seconds that a reading may take before instances that do not answer are left aside; 25 ms for each instance come on top.',
    ),
  owners: z
    .array(owner)
    .default([])
    .describe(
      "Whose a domain without nova's metadata is; the first that matches. Without one its project and user are unknown.",
    ),
});

export type Options = z.output<typeof options>;
