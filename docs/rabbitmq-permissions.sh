#!/bin/sh
# What users of RabbitMQ may do: ours no more than they need, and with a user for each kind of ours the services' nothing with what is ours.
# Usage: sh rabbitmq-permissions.sh [VHOST [QUEUE]], with QUEUE `notifications.info` where collectors take notifications from
# the services' own queue (notifications.queue).
#
# It sets those that there are of: `nephoscope`, one user for all programs (docs/openstack.md), or `nephoscope-compute`,
# `nephoscope-central` and `nephoscope-collector`, one for each kind, and then the users of the services too (docs/security.md).
# Make them first: rabbitmqctl add_user NAME PASSWORD. Start a collector before the others, which may not make the queues. Run it again after an update.
set -eu

vhost=${1:-/}
theirs=$(printf %s "${2:-}" | sed 's/\./\\./g')
users=$(rabbitmqctl list_users --quiet | cut -f1)

exists() { # USER
  printf '%s\n' "$users" | grep -qx -- "$1"
}

set_permissions() { # USER CONFIGURE WRITE READ
  rabbitmqctl set_permissions -p "$vhost" "$1" "$2" "$3" "$4"
}

# The exchange of samples, which a Ceilometer shares, our queues with their dead letters, and the lock of the central agents.
queues='metering(\.dead)?(\.lock(\..*)?)?|nephoscope\..*'
read_too=''
if [ -n "$theirs" ]; then
  queues="$queues|$theirs\.dead(\.lock(\..*)?)?"
  read_too="|$theirs"
fi
lock='central\.lock(\..*)?'
exchanges='nova|cinder|openstack|glance|neutron|swift'
separate=''

# One user for all programs: the permissions of the three below, without limits on routing keys.
if exists nephoscope; then
  set_permissions nephoscope \
    "^(ceilometer|$queues|$lock)\$" \
    "^(ceilometer|$queues|$lock|amq\.default)\$" \
    "^($exchanges|ceilometer|$queues|$lock$read_too)\$"
fi

# Compute agents, on each hypervisor: publish samples and receive requests for last readings.
if exists nephoscope-compute; then
  separate=yes
  set_permissions nephoscope-compute \
    '^nephoscope\.(compute|last-reading)\..*$' \
    '^(ceilometer|nephoscope\.(compute|last-reading)\..*)$' \
    '^(ceilometer|nephoscope\.(compute|last-reading)\..*)$'
  rabbitmqctl set_topic_permissions -p "$vhost" nephoscope-compute ceilometer '^metering\.' '^(compute|last-reading)\.'
fi

# Central agents: publish samples, and elect the active one by a lock, to which they write through the default exchange.
if exists nephoscope-central; then
  separate=yes
  set_permissions nephoscope-central "^$lock\$" "^(ceilometer|$lock|amq\.default)\$" "^$lock\$"
  rabbitmqctl set_topic_permissions -p "$vhost" nephoscope-central ceilometer '^metering\.' '^$'
fi

# Collectors and the operator's command: all queues of Nephoscope, and reading the services' notifications.
if exists nephoscope-collector; then
  separate=yes
  set_permissions nephoscope-collector \
    "^(ceilometer|$queues)\$" \
    "^(ceilometer|$queues|amq\.default)\$" \
    "^($exchanges|ceilometer|$queues$read_too)\$"
fi

if [ -z "$separate" ]; then
  exists nephoscope && exit
  echo 'There is no user of ours yet, such as nephoscope: rabbitmqctl add_user nephoscope PASSWORD' >&2
  exit 1
fi

# The services: everything except Nephoscope's own, and of the notification exchanges only their own. Change this if users have
# other names or serve several services.
ours="ceilometer\$|metering(\.dead)?(\.|\$)|nephoscope\.|central\.lock${theirs:+|$theirs\.dead}"
for service in nova cinder glance neutron swift; do
  exists "$service" || continue
  others=''
  for other in nova cinder glance neutron swift; do
    [ "$other" = "$service" ] || others="$others|$other\$"
  done
  # Without a control_exchange of its own cinder announces on `openstack`.
  [ "$service" = cinder ] || others="$others|openstack\$"
  set_permissions "$service" "^(?!$ours$others)" "^(?!$ours$others)" "^(?!$ours)"
done
