#!/bin/sh
# A user of RabbitMQ for each kind of program, with no more than it needs. Usage: sh rabbitmq-permissions.sh [VHOST]
#
# The users must be there: rabbitmqctl add_user nephoscope-compute PASSWORD, and so on. Start a collector first: the others may
# not make the queues. docs/security.md says what each user can and cannot do. Run it again after an update.
set -eu

vhost=${1:-/}

set_permissions() { # USER CONFIGURE WRITE READ
  rabbitmqctl set_permissions -p "$vhost" "$1" "$2" "$3" "$4"
}

# Compute agents, on each hypervisor: publish samples, and hear the requests for last readings that are for some host.
set_permissions nephoscope-compute \
  '^nephoscope\.(compute|last-reading)\..*$' \
  '^(ceilometer|nephoscope\.(compute|last-reading)\..*)$' \
  '^(ceilometer|nephoscope\.(compute|last-reading)\..*)$'
rabbitmqctl set_topic_permissions -p "$vhost" nephoscope-compute ceilometer '^metering\.' '^(compute|last-reading)\.'

# Central agents: publish samples, and agree on who is active, by a lock to which they write through the default exchange.
set_permissions nephoscope-central \
  '^central\.lock(\..*)?$' \
  '^(ceilometer|central\.lock(\..*)?|amq\.default)$' \
  '^central\.lock(\..*)?$'
rabbitmqctl set_topic_permissions -p "$vhost" nephoscope-central ceilometer '^metering\.' '^$'

# Collectors, and the operator's command: all queues of ours, and to read what the services announce.
set_permissions nephoscope-collector \
  '^(ceilometer|metering(\.dead)?(\.lock(\..*)?)?|nephoscope\..*)$' \
  '^(ceilometer|metering(\.dead)?(\.lock(\..*)?)?|nephoscope\..*|amq\.default)$' \
  '^(nova|cinder|openstack|glance|neutron|swift|ceilometer|metering(\.dead)?(\.lock(\..*)?)?|nephoscope\..*)$'

# The services: all but what is ours, and of the exchanges on which services announce only their own. Where a user is called
# otherwise, or serves several services, change this.
ours='ceilometer$|metering(\.dead)?(\.|$)|nephoscope\.|central\.lock'
for service in nova cinder glance neutron swift; do
  rabbitmqctl list_users --quiet | cut -f1 | grep -qx "$service" || continue
  others=''
  for other in nova cinder glance neutron swift; do
    [ "$other" = "$service" ] || others="$others|$other\$"
  done
  # Without a control_exchange of its own cinder announces on `openstack`.
  [ "$service" = cinder ] || others="$others|openstack\$"
  set_permissions "$service" "^(?!$ours$others)" "^(?!$ours$others)" "^(?!$ours)"
done
