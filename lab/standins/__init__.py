"""Stand-ins of providers' APIs: small, stateful, honest about what the real ones do, one module each."""

import importlib
import pkgutil

from .base import StandIn


def names() -> list:
    """The providers that there is a stand-in of."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith(("_", "base")))


def make(provider: str, **options) -> StandIn:
    """The stand-in of this provider, not started yet; see `StandIn` for the options."""
    return importlib.import_module(f"{__name__}.{provider}").Api(**options)
