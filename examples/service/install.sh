#!/bin/sh
# Puts the gate's files in place: ./install.sh, or ./install.sh --root FOLDER to put them below a folder.
# Starts nothing, and never overwrites a configuration, a secret or policies that are there.
set -eu
root=
if [ "${1:-}" = --root ]; then root=$2; fi
source=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$source/target}
# What `make release` built, or else what `make build` did.
built() { if [ -e "$target/$1" ]; then echo "$target/$1"; else echo "$target/$2"; fi; }
filter=$(built wasm32-wasip1/dist/zonegate_filter.wasm wasm32-wasip1/release/zonegate_filter.wasm)
command=$(built dist/zonegate debug/zonegate)

if [ -z "$root" ]; then
    for user in zonegate zonegate-policies; do
        id "$user" >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
    done
fi
install -d "$root/usr/lib/zonegate" "$root/usr/bin" "$root/etc/systemd/system" "$root/etc/zonegate"
install -d -m 0755 "$root/etc/zonegate/envoy.d"
install -d -m 0700 "$root/etc/zonegate/secrets"
install -m 0644 "$filter" "$root/usr/lib/zonegate/"
install -m 0755 "$command" "$root/usr/bin/"
install -m 0644 "$source/examples/service/zonegate.service" "$source/examples/service/zonegate-policies.service" \
    "$root/etc/systemd/system/"
[ -e "$root/etc/zonegate/envoy.yaml" ] || install -m 0644 "$source/envoy/envoy.yaml" "$root/etc/zonegate/"
[ -e "$root/etc/zonegate/policies" ] || cp -r "$source/policies" "$root/etc/zonegate/policies"
[ -e "$root/etc/zonegate/secrets/powerdns-main.yaml" ] ||
    install -m 0600 "$source/envoy/secret.example.yaml" "$root/etc/zonegate/secrets/powerdns-main.yaml"
if [ -z "$root" ]; then
    chown -R zonegate /etc/zonegate/secrets
    chown zonegate-policies /etc/zonegate/envoy.d
fi
cat <<END
Installed below ${root:-/}. What is left to do:
  1. put the real credential into $root/etc/zonegate/secrets/powerdns-main.yaml
  2. replace the demo keys in $root/etc/zonegate/policies/keys.toml by your own: zonegate key new
  3. put Envoy 1.35 or newer at /usr/bin/envoy
  4. systemctl daemon-reload && systemctl enable --now zonegate-policies zonegate
END
