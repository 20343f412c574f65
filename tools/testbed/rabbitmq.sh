#!/bin/bash
# The first process of a private RabbitMQ's process namespace (rabbitmq.ts), where its epmd lives too. Each
# line on stdin starts the broker (again); the end of stdin ends everything.
set -euo pipefail
log=$1

while read -r; do
  /usr/lib/rabbitmq/bin/rabbitmq-server </dev/null >>"$log" 2>&1 &
done
