#!/bin/bash
# The first process of a private PostgreSQL's process namespace (postgresql.ts). Each line on stdin starts the
# server (again), as a user without privileges: as root it refuses to run. The end of stdin ends everything.
set -euo pipefail
server=$1 data=$2 log=$3

cd "$data"
while read -r; do
  setpriv --reuid=postgres --regid=postgres --clear-groups "$server" -D "$data" </dev/null >>"$log" 2>&1 &
done
