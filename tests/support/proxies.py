"""Real proxies in front of etcd: nginx, haproxy, nghttpx, Envoy; they allow few streams, and end idle connections."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from time import monotonic, sleep

from etcd_factory.testing.tcp_ports import free_ports

STREAMS = 4  # at once on one connection
IDLE = 1  # seconds
LOOK = 0.1  # seconds between two looks at the connections of the whole machine
BOUND = 20  # seconds that a proxy may take to start

NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/log;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/a;
  http2_max_concurrent_streams {streams};
  keepalive_timeout {idle}s;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} {listen};
    {certificate}
    location / {{ grpc_pass grpc://{target}; grpc_read_timeout 2s; }}
  }}
}}
"""
HAPROXY = """
global
  tune.h2.max-concurrent-streams {streams}
defaults
  mode http
  timeout connect 5s
  timeout client {idle}s
  timeout http-keep-alive {idle}s
  timeout server 2s
listen etcd
  bind 127.0.0.1:{port} {bind}
  server one {target} proto h2
"""
ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: etcd
          codec_type: HTTP2
          http2_protocol_options: {{max_concurrent_streams: {streams}}}
          common_http_protocol_options: {{idle_timeout: {idle}s}}
          stream_idle_timeout: 2s
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: etcd
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, route: {{cluster: etcd, timeout: 0s}}}}]
{transport}
  clusters:
  - name: etcd
    connect_timeout: 5s
    load_assignment:
      cluster_name: etcd
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {name}, port_value: {number}}}}}}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
"""
ENVOY_TLS = """
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2]
            tls_certificates:
            - certificate_chain: {{filename: {cert}}}
              private_key: {{filename: {key}}}
"""


def nginx(folder, values, tls):
    """Return the command of nginx."""
    certificate = f"ssl_certificate {tls['cert']}; ssl_certificate_key {tls['key']};" if tls else ""
    listen = "ssl http2" if tls else "http2"
    (folder / "conf").write_text(NGINX.format(listen=listen, certificate=certificate, **values))
    return ["nginx", "-c", folder / "conf", "-p", folder, "-e", folder / "log"]


def haproxy(folder, values, tls):
    """Return the command of haproxy."""
    if tls:
        (folder / "both.pem").write_text(Path(tls["cert"]).read_text() + Path(tls["key"]).read_text())
    bind = f"ssl crt {folder}/both.pem alpn h2" if tls else "proto h2"
    (folder / "conf").write_text(HAPROXY.format(bind=bind, **values))
    return ["haproxy", "-db", "-f", folder / "conf"]


def nghttpx(folder, values, tls):
    """Return the command of nghttpx."""
    front = f"127.0.0.1,{values['port']}"
    files = [tls["key"], tls["cert"]] if tls else []
    return [
        "nghttpx",
        f"--frontend={front}{'' if tls else ';no-tls'}",
        f"--backend={values['name']},{values['number']};;proto=h2",
        f"--frontend-http2-max-concurrent-streams={STREAMS}",
        f"--frontend-http2-read-timeout={IDLE}s",
        f"--frontend-read-timeout={IDLE}s",
        f"--errorlog-file={folder}/log",
        "--conf=/dev/null",
        *files,
    ]


def envoy(folder, values, tls):
    """Return the command of Envoy."""
    transport = ENVOY_TLS.format(**tls) if tls else ""
    (folder / "conf.yaml").write_text(ENVOY.format(transport=transport, **values))
    return ["envoy", "-c", folder / "conf.yaml", "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]


PROXIES = {"nginx": nginx, "haproxy": haproxy, "nghttpx": nghttpx, "envoy": envoy}


class RealProxy:
    """A proxy in front of one etcd."""

    def __init__(self, name, target, folder, tls=None):
        (self._port,) = free_ports(1, self)
        host, _, number = target.rpartition(":")
        values = {"port": self._port, "target": target, "name": host, "number": number}
        values |= {"folder": folder, "streams": STREAMS, "idle": IDLE}
        command = PROXIES[name](folder, values, tls)
        program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/bin") or shutil.which(command[0])
        self._command = [program, *command[1:]]
        self.endpoint = f"127.0.0.1:{self._port}"

    def start(self):
        """Start it, and wait until it accepts connections."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, start_new_session=True, **quiet)
        end = monotonic() + BOUND
        while monotonic() < end:
            assert self._process.poll() is None, f"{self._command[0]} ended with {self._process.returncode}"
            try:
                return socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                sleep(0.02)
        raise AssertionError(f"{self._command[0]} does not accept connections")

    def stop(self):
        """Kill it, with its workers: its connections end without a word of HTTP/2."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._wait(self._refuses)
        self.wait_for_end()

    def wait_for_end(self):
        """Wait until no connection to it is established."""
        self._wait(lambda: not established(self._port))

    def _wait(self, condition):
        end = monotonic() + BOUND
        while not condition():
            assert monotonic() < end, f"{self._command[0]} keeps its connections"
            sleep(LOOK)

    def _refuses(self):
        """Whether nothing of it accepts connections any more; a worker may have outlived the rest."""
        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
        except OSError:
            return True
        return False

    def restart(self):
        """Stop and start it."""
        self.stop()
        self.start()


def established(port):
    """Whether a connection to this local port is established, on both sides."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(int(remote.rpartition(":")[2], 16) == port and state == "01" for _, _, remote, state, *_ in rows)


def is_installed(name):
    """Whether there is such a proxy on this machine."""
    return bool(shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin") or shutil.which(name))
