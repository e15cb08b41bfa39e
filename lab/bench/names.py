"""What is measured, by the names that tables and plots show."""

GET, PATCH, PATCH_MANY = "GET a zone of one record", "PATCH one record", "PATCH 100 records"
"""What is asked."""

WORKS = (GET, PATCH, PATCH_MANY)
"""All of it, in order."""

NONE, NOOP = "no filter", "no-op filter, same host calls"
OURS, ONE_KEY = "Zonegate", "Zonegate, one key asks"
RBAC, MATCHER, LUA = "Envoy's RBAC, a policy for each key", "Envoy's RBAC, keys in a hash map", "Envoy's Lua"
ALLOWS, INDEXED, PLAIN = "ext_authz, allows everything", "ext_authz, Zonegate's engine", "ext_authz, Cedar, every policy"
"""Who is asked."""

VARIANTS = (NONE, NOOP, OURS, ONE_KEY, RBAC, MATCHER, LUA, ALLOWS, INDEXED, PLAIN)
"""All of them, in the order of the tables."""
