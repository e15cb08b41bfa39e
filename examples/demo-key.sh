# Sourced by the examples: `demo_key ID` prints the plaintext of a public demo key.
# `examples` is the folder that this file is in, where the script itself is not one level below it.
demo_key() {
    sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "${examples:-$(dirname "$0")/..}/../policies/cases/demo-keys.toml"
}
