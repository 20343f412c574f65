import type { Scope } from '@nephoscope/core/sample-store';

import { Fault, shown } from './fault.js';

/**
 * As Ceilometer, for clients that tell an empty list from a refused one. It is not what keeps projects apart: that is the scope of
 * each query. It says the same whether there is such a project or not.
 *
 * @throws 401 if the caller is limited to another project than this
 */
export function refuseOtherProject(scope: Scope, project: string): void {
  if (scope !== 'all' && scope.project !== project)
    throw new Fault(401, `Not Authorized to access project ${shown(project)}`);
}

/** What is told of sources is of the cloud and of no project. @throws 401 */
export function refuseProjects(scope: Scope): void {
  if (scope !== 'all') throw new Fault(401, 'Not Authorized to access sources');
}
