#!/bin/sh
# A certificate with acme.sh (ACME_SH= says where it is).
# Usage: ACME_SERVER=https://your-ca.example/directory ./acme-sh.sh www.example.com
set -eu
. "$(dirname "$0")/../demo-key.sh"
gate=${GATE:-http://127.0.0.1:8053}
key=${KEY:-$(demo_key demoacmehost)}
server=${ACME_SERVER:?set ACME_SERVER to the directory of an ACME authority}
state=${STATE:-./state}
mkdir -p "$state"

export PDNS_Url="$gate" PDNS_ServerId=localhost PDNS_Token="$key" PDNS_Ttl=60
sh "${ACME_SH:-$HOME/.acme.sh/acme.sh}" --home "$state" --config-home "$state" --issue --server "$server" \
    ${ACME_CA:+--ca-bundle "$ACME_CA"} --dns dns_pdns --dnssleep "${WAIT:-10}" -m "${EMAIL:-hostmaster@example.com}" -d "$1"
