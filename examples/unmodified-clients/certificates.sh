#!/bin/sh
# Makes a local certificate authority and one certificate that names the providers' hosts, for the gate's listener.
# Usage: ./certificates.sh FOLDER [HOST...]     (FOLDER is /etc/zonegate/tls in envoy.yaml)
# Run it again to renew: the authority stays, so clients need nothing new, and Envoy reads the new certificate by itself.
set -eu
folder=${1:?usage: certificates.sh FOLDER [HOST...]}
shift
if [ $# = 0 ]; then set -- api.cloudflare.com api.bunny.net api.hetzner.cloud api.porkbun.com; fi
umask 077
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ ! -f "$folder/ca.key" ]; then
    # Whoever has this key can pass for every host: it only makes the certificate below, so keep it where only root reads.
    # The authority may sign for these hosts and for no others (name constraints), in case the key gets lost nevertheless.
    permitted=
    for host in "$@"; do permitted="$permitted${permitted:+,}permitted;DNS:$host"; done
    printf '[req]\ndistinguished_name = name\n[name]\n[authority]\nbasicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\nnameConstraints = critical,%s\n' \
        "$permitted" > "$work/ca.cnf"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -keyout "$work/ca.key" -out "$work/ca.crt" \
        -subj "/CN=Zonegate of $(hostname)" -config "$work/ca.cnf" -extensions authority 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
    mv "$work/ca.key" "$work/ca.crt" "$folder/"
fi

names=
for host in "$@"; do names="$names${names:+,}DNS:$host"; done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/gate.key" -out "$work/gate.csr" \
    -subj "/CN=$1" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
printf 'subjectAltName = %s\nextendedKeyUsage = serverAuth\nkeyUsage = critical,digitalSignature\nbasicConstraints = CA:FALSE\nauthorityKeyIdentifier = keyid\n' "$names" > "$work/extensions"
openssl x509 -req -in "$work/gate.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -days 397 -out "$work/gate.crt" -extfile "$work/extensions" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }

openssl verify -CAfile "$folder/ca.crt" "$work/gate.crt" > "$work/log" 2>&1 || {
    cat "$work/log" >&2
    echo "The authority in $folder was made for fewer hosts: remove ca.key there to make a new one, which clients must trust anew." >&2
    exit 1
}

# What Envoy watches: the certificate and its key, and the file that names them.
cat > "$work/gate.yaml" <<END
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: gate
  tls_certificate:
    certificate_chain: { filename: $folder/gate.crt }
    private_key: { filename: $folder/gate.key }
    watched_directory: { path: $folder }
END
mv "$work/gate.key" "$work/gate.crt" "$work/gate.yaml" "$folder/"

# What clients trust: the system's authorities and this one. It holds no secret.
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -f "$bundle" ]; then cat "$bundle" "$folder/ca.crt" > "$work/trusted.crt"; else cp "$folder/ca.crt" "$work/trusted.crt"; fi
chmod 0644 "$work/trusted.crt" "$folder/ca.crt"
chmod 0755 "$folder"
mv "$work/trusted.crt" "$folder/"
echo "$folder/gate.crt names: $*"
echo "clients: HTTPS_PROXY=http://127.0.0.1:8080, and trust $folder/trusted.crt"
