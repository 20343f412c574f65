/** The build puts the bundle of migration-main.ts here. */
import { runSource } from './run-source.js';

runSource('migration-main.ts');
