import { Secret, duration } from '@nephoscope/core/options';
import { z } from 'zod';

export const interfaces = ['public', 'internal', 'admin'] as const;

const text = () => z.string().min(1);
const secret = () => z.union([z.string().min(1), z.int()]).transform((value) => new Secret(String(value)));

/** An option of a version before, which only a clouds.yaml has now. */
const elsewhere = (advice: string) =>
  z.never({ error: advice }).optional().meta({ retired: advice, deprecated: true });
const inFile = (name: string) =>
  elsewhere(`write ${name} of the cloud in clouds.yaml, or OS_${name.replace('auth.', '').toUpperCase()}`);

/** The section `openstack`. Missing settings come from clouds.yaml or the environment. */
export const cloudOptions = z.strictObject({
  cloud: text().optional().describe('The name of a cloud in clouds.yaml. Default: `OS_CLOUD`.'),
  authType: elsewhere(
    'remove the key, as it follows from what is given of the others; or write auth_type of the cloud in clouds.yaml',
  ),
  authUrl: text().optional().describe("Keystone's URL, such as `https://keystone:5000/v3`."),
  username: text().optional().describe("The user's name."),
  userId: text().optional().describe('Alternative to the name: its id, without a domain.'),
  userDomainName: text().optional().describe("The name of the user's domain."),
  userDomainId: text().optional().describe('Or its id.'),
  password: secret().optional().describe("The user's password. Never printed."),
  applicationCredentialId: text().optional().describe('The id of an application credential.'),
  applicationCredentialName: elsewhere(
    'write applicationCredentialId instead, or auth.application_credential_name of the cloud in clouds.yaml',
  ),
  applicationCredentialSecret: secret().optional().describe("The application credential's secret. Never printed."),
  token: inFile('auth.token'),
  projectName: text().optional().describe('The project whose roles are used.'),
  projectId: text().optional().describe('Alternative to the name: its id, without a domain.'),
  projectDomainName: text().optional().describe("The name of the project's domain."),
  projectDomainId: text().optional().describe('Or its id.'),
  domainName: inFile('auth.domain_name'),
  domainId: inFile('auth.domain_id'),
  systemScope: z
    .literal('all')
    .optional()
    .describe('`all`, instead of a project, to use roles on the whole system.'),
  interface: z
    .enum(interfaces)
    .optional()
    .describe('Which endpoints of the catalogue to use. Default: that of clouds.yaml, or `public`.'),
  region: text().optional().describe('The region of the endpoints. Default: `OS_REGION_NAME`, or any.'),
  cacert: text().optional().describe("PEM file with the certificates to trust. Default: the system's."),
  cert: text().optional().describe('PEM file with the certificate to show to the services.'),
  key: text().optional().describe('PEM file with its key.'),
  verify: z
    .boolean()
    .optional()
    .describe(
      '`false` disables the check of certificates: anyone on the network path can then read and change all traffic.',
    ),
  timeout: duration().optional().describe('Time for one request and its answer. Default: `30s`.'),
});

export type CloudOptions = z.output<typeof cloudOptions>;
