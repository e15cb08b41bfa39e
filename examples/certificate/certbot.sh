#!/bin/sh
# A certificate with certbot and its plugin certbot-dns-powerdns.
# Usage: ACME_SERVER=https://your-ca.example/directory ./certbot.sh www.example.com
set -eu
. "$(dirname "$0")/../demo-key.sh"
gate=${GATE:-http://127.0.0.1:8053}
key=${KEY:-$(demo_key demoacmehost)}
server=${ACME_SERVER:?set ACME_SERVER to the directory of an ACME authority}
state=${STATE:-./state}
mkdir -p "$state"

umask 077   # the file holds the key
cat > "$state/powerdns.ini" <<END
dns_powerdns_api_url = $gate
dns_powerdns_api_key = $key
END
if [ -n "${ACME_CA:-}" ]; then export REQUESTS_CA_BUNDLE="$ACME_CA"; fi
"${CERTBOT:-certbot}" certonly --non-interactive --agree-tos --email "${EMAIL:-hostmaster@example.com}" --server "$server" \
    --config-dir "$state/certbot" --work-dir "$state/certbot-work" --logs-dir "$state/certbot-logs" \
    --authenticator dns-powerdns --dns-powerdns-credentials "$state/powerdns.ini" \
    --dns-powerdns-propagation-seconds "${WAIT:-10}" --domain "$1"
