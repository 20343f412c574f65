/**
 * `node --import early-checkpoints.mjs …`: has SQLite write its log back after 20 pages, in each thread, and not after 8,192:
 * few calls, so that each can fail.
 */
import Module from 'node:module';

const load = Module._extensions['.node'];
Module._extensions['.node'] = (module, path) => {
  load(module, path);
  const { DatabaseSync } = module.exports;
  if (DatabaseSync === undefined) return;
  module.exports.DatabaseSync = class extends DatabaseSync {
    exec(text) {
      return super.exec(text.replace('wal_autocheckpoint = 8192', 'wal_autocheckpoint = 20'));
    }
  };
};
