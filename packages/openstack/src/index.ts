export type { CloudConfig, Credentials, EndpointInterface, Named, Scope } from './cloud-config.js';
export { OpenStackError } from './errors.js';
export type { OpenStackErrorCode } from './errors.js';
export type { JsonObject, JsonValue } from './json.js';
export { cloudOptions } from './options.js';
export type { CloudOptions } from './options.js';
export { readCloud } from './read-cloud.js';
export { createSession } from './session.js';
export type { HeadAnswer, ListRequest, Logger, Service, Session, SessionTools } from './session.js';
