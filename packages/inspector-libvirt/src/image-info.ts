import type { Missing } from '@nephoscope/core';
import type { DomainBlockInfo } from '@nephoscope/libvirt';

/** The result of `virDomainGetBlockInfo` for an image, or why there is none. */
export type ImageInfo = DomainBlockInfo | Missing;
