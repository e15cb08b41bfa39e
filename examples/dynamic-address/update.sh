#!/bin/sh
# Writes the A or AAAA record of a host: ./update.sh home.example.com 192.0.2.7
# The zone is the name without its first label; ZONE= says otherwise.
set -eu
. "$(dirname "$0")/../demo-key.sh"
gate=${GATE:-http://127.0.0.1:8053}
key=${KEY:-$(demo_key demoddns0001)}
name=$1 address=$2
zone=${ZONE:-${name#*.}}
case $address in *:*) type=AAAA ;; *) type=A ;; esac

# The key goes in by standard input, where no other user of this machine can see it.
curl --fail-with-body --silent --show-error --request PATCH --config - \
    --data "{\"rrsets\":[{\"name\":\"$name.\",\"type\":\"$type\",\"ttl\":60,\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"$address\",\"disabled\":false}]}]}" \
    "$gate/api/v1/servers/localhost/zones/$zone." <<END
header = "X-API-Key: $key"
END
echo "$name is $address"
