"""The lab: real servers and real clients around Zonegate, on loopback, for `make run` and for the tests.

Nothing here is part of the gate.  It installs pinned programs (`install`), starts and stops them by process id
(`process`, `powerdns`, `envoy`, `pebble`, `upstream`), and puts them together (`gate`, `demo`).
"""
