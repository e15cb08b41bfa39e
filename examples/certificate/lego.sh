#!/bin/sh
# A certificate with lego.
# Usage: ACME_SERVER=https://your-ca.example/directory ./lego.sh www.example.com
set -eu
. "$(dirname "$0")/../demo-key.sh"
gate=${GATE:-http://127.0.0.1:8053}
key=${KEY:-$(demo_key demoacmehost)}
server=${ACME_SERVER:?set ACME_SERVER to the directory of an ACME authority}
state=${STATE:-./state}
mkdir -p "$state"

export PDNS_API_URL="$gate" PDNS_API_KEY="$key"
if [ -n "${ACME_CA:-}" ]; then export LEGO_CA_CERTIFICATES="$ACME_CA"; fi
lego --path "$state/lego" --server "$server" --accept-tos --email "${EMAIL:-hostmaster@example.com}" \
    --dns pdns ${RESOLVER:+--dns.resolvers "$RESOLVER" --dns.disable-cp} --domains "$1" run
