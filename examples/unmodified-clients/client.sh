#!/bin/sh
# Runs a DNS client that knows only its provider's address, through the gate.
# Usage: ./client.sh COMMAND...
set -eu
proxy=${PROXY:-http://127.0.0.1:8080}
trusted=${TRUSTED:-/etc/zonegate/tls/trusted.crt}
direct=127.0.0.1,localhost${DIRECT:+,$DIRECT}
[ -r "$trusted" ] || { echo "$trusted cannot be read: run certificates.sh, or set TRUSTED" >&2; exit 1; }

export HTTPS_PROXY="$proxy" https_proxy="$proxy" NO_PROXY="$direct" no_proxy="$direct"
export REQUESTS_CA_BUNDLE="$trusted" SSL_CERT_FILE="$trusted" CURL_CA_BUNDLE="$trusted" NODE_EXTRA_CA_CERTS="$trusted"
export NODE_USE_ENV_PROXY=1
exec "$@"
