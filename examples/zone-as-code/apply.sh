#!/bin/sh
# Plans (or, with --doit, applies) the zones of zones/ through the gate.
set -eu
cd "$(dirname "$0")"
examples=..
. ../demo-key.sh
export GATE_HOST="${GATE_HOST:-127.0.0.1}" GATE_PORT="${GATE_PORT:-8053}" KEY="${KEY:-$(demo_key demozoneedit)}"
exec "${OCTODNS_SYNC:-octodns-sync}" --config-file config.yaml "$@"
