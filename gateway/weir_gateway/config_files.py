"""The files that a configuration names: each for one purpose, and usable for it."""

from pathlib import Path

from weir_gateway import messages
from weir_gateway.toml_table import Table


class NamedFiles:
    """What was named so far. Two names for one file would let the gateway write over its keys."""

    def __init__(self, config_path: Path) -> None:
        self._owners = {config_path.resolve(): "this file"}

    def add(self, table: Table, key: str, path: Path | None) -> None:
        """Note a file. Raise ConfigError if it serves another purpose already."""
        if path is None:
            return
        owner = self._owners.setdefault(path.resolve(), table.name_of(key))
        if owner != table.name_of(key):
            raise table.error(key, messages.PATH_TWICE.format(path=path, owner=owner))


def check_authorities(table: Table, path: Path | None) -> None:
    """Raise ConfigError if the file holds no certificate that TLS can use."""
    if path is None:
        return
    import ssl

    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        what = messages.TLS_AUTHORITIES.format(path=path, why=_why(error))
        raise table.error("tls_ca_file", what) from None


def check_certificate(table: Table, certificate: Path | None, key: Path | None) -> None:
    """Raise ConfigError if the two are no certificate and the key that belongs to it."""
    if certificate is None or key is None:
        return
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError) as error:
        what = messages.TLS_CERTIFICATE.format(path=certificate, why=_why(error))
        raise table.error("tls_certificate_file", what) from None


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).replace("_", " ").lower()
