"""A small TLS proxy on the loopback, as a team puts one before the product: HTTPS and secure websockets outside."""

import contextlib
import datetime
import socket
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path, host: str) -> ssl.SSLContext:
    """Return a server's context with a self-signed certificate for `host`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "proxy.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class TlsProxy:
    """Forwards `port` over TLS to `upstream`, with the headers that such proxies set."""

    def __init__(self, upstream: int, context: ssl.SSLContext) -> None:
        self.upstream, self.context = upstream, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), raw, self.context.wrap_socket(raw, server_side=True) as client:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return
                head += part
            head, body = head.split(b"\r\n\r\n", 1)
            with socket.create_connection(("127.0.0.1", self.upstream)) as server:
                server.sendall(_forwarded(head) + body)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _forwarded(head: bytes) -> bytes:
    """Return the head of a request as it is forwarded: one request per connection, unless it becomes a websocket."""
    lines = head.split(b"\r\n")
    host = next(line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"host:"))
    remaining = lines
    if not any(line.lower().startswith(b"upgrade:") for line in lines):
        remaining = [line for line in lines if not line.lower().startswith(b"connection:")] + [b"Connection: close"]
    remaining = [b"Host: 127.0.0.1" if line.lower().startswith(b"host:") else line for line in remaining]
    added = [b"X-Forwarded-Proto: https", b"X-Forwarded-Host: " + host, b"X-Forwarded-For: 203.0.113.7"]
    return b"\r\n".join([*remaining, *added]) + b"\r\n\r\n"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
