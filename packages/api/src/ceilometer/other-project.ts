import type { Scope } from '@nephoscope/core/sample-store';

import { Fault, shown } from './fault.js';

/**
 * As in Ceilometer, for clients that distinguish an empty list from a refused one. Projects are not separated by this, but by the
 * scope of each query. The answer does not depend on whether the project exists.
 *
 * @throws 401 if the caller is limited to a different project
 */
export function refuseOtherProject(scope: Scope, project: string): void {
  if (scope !== 'all' && scope.project !== project)
    throw new Fault(401, `Not Authorized to access project ${shown(project)}`);
}

/** Facts about sources belong to the cloud, not to a project. @throws 401 */
export function refuseProjects(scope: Scope): void {
  if (scope !== 'all') throw new Fault(401, 'Not Authorized to access sources');
}
