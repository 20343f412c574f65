/**
 * `node --import early-checkpoints.mjs …`: makes SQLite write its log back after 20 pages, in each thread, instead of 8,192: then
 * there are few enough calls for each of them to fail once.
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
