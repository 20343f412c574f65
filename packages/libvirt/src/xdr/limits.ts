/** Longest string, in bytes: `REMOTE_STRING_MAX` of remote_protocol.x. */
export const STRING_MAX = 4_194_304;
