import type { Missing } from '@nephoscope/core';
import type { DomainBlockInfo } from '@nephoscope/libvirt';

/** What `virDomainGetBlockInfo` says of an image, or why it does not. */
export type ImageInfo = DomainBlockInfo | Missing;
