"""The dApps' pages: bundled from npm's own packages, served by servers of the test's own, each an origin of its own."""

from __future__ import annotations

import datetime
import functools
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).parents[2]
LIBRARIES = ("viem", "ethers", "web3", "wagmi")
HTML = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{name}</title><link rel="icon" href="data:,">
<div id="root"></div><script type="module" src="{name}.js"></script></html>
"""
PLAIN = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>plain</title><link rel="icon" href="data:,"></html>'
)
# A page without an origin of its own: it asks at once, and says what it heard when the page around it wants to know.
SANDBOXED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>sandboxed</title><script>
let announced = 0, told = 0;
window.addEventListener('eip6963:announceProvider', () => announced++);
window.addEventListener('tandem:tell', () => told++);
window.dispatchEvent(new Event('eip6963:requestProvider'));
const message = {jsonrpc: '2.0', id: 1, method: 'eth_requestAccounts', params: []};
window.dispatchEvent(new CustomEvent('tandem:ask', {detail: JSON.stringify({type: 'rpc', message})}));
window.onmessage = () => parent.postMessage({announced, told, ethereum: typeof window.ethereum}, '*');
</script></html>
"""


def bundle(folder: Path) -> Path:
    """Every page and its script below `folder`; esbuild's binary lies inside its npm package."""
    sources = [str(ROOT / "tests" / "browser" / "pages" / f"{name}.js") for name in LIBRARIES]
    subprocess.run(
        [
            *(str(ROOT / "node_modules" / ".bin" / "esbuild"), *sources, "--bundle", "--format=esm"),
            *(f"--outdir={folder}", '--define:process.env.NODE_ENV="production"', "--log-level=warning"),
        ],
        check=True,
    )
    for name in LIBRARIES:
        (folder / f"{name}.html").write_text(HTML.format(name=name))
    (folder / "plain.html").write_text(PLAIN)
    (folder / "sandboxed.html").write_text(SANDBOXED)
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def serve(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The folder on a free port of 127.0.0.1, an origin of its own; ends with the block."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a certificate that it signed itself; the browser is told to take it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=start,
        not_valid_after=start.replace(year=2100),
        extensions=[x509.Extension(names.oid, False, names)],
    ).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
