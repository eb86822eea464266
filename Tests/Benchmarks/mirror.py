"""Mirror of a large file, beside `curl -o` for the same bytes from the same nginx."""

import os
import subprocess
import time

GIGABYTE = 1_000_000_000


def measure(bench, tools, size=GIGABYTE):
    """`tools` is the calling program: its helpers and its table."""
    work = f"{bench.work}/mirror"
    os.makedirs(f"{work}/files")
    with open(f"{work}/files/big.csv", "wb") as file:
        line = b"partner_1234567,Example Partners Ltd,finance@example.com,2026-03-01,1234567,USD\n"
        block = line * (1_000_000 // len(line))
        while file.tell() < size:
            file.write(block[:size - file.tell()])
    nginx = tools.free_port()
    with open(f"{work}/nginx.conf", "w") as file:
        file.write(f"""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{
    listen 127.0.0.1:{nginx};
    location /ready {{ return 204; }}
    location /files/ {{ root {work}; try_files /files/big.csv =404; }}
  }}
}}""")
    processes = [bench.start(["nginx", "-c", f"{work}/nginx.conf", "-p", work], "mirror-nginx.log")]
    tools.wait_ready(f"http://127.0.0.1:{nginx}/ready")
    vendor = tools.free_port()
    processes.append(bench.start(
        [bench.causeway, "simulate", "--listen", f"127.0.0.1:{vendor}", "--export-duration", "100ms",
         "--public-url", f"http://127.0.0.1:{nginx}"], "mirror-simulator.log"))
    tools.wait_ready(f"http://127.0.0.1:{vendor}/simulator/state")
    port = tools.free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("CAUSEWAY_")}
    env |= {
        "CAUSEWAY_LISTEN": f"127.0.0.1:{port}", "CAUSEWAY_DATA_DIR": f"{work}/data",
        "CAUSEWAY_VENDOR_URL": f"http://127.0.0.1:{vendor}", "CAUSEWAY_VENDOR_PUBLIC_KEY": "pk_test",
        "CAUSEWAY_VENDOR_SECRET_KEY": "sk_test", "CAUSEWAY_VENDOR_MEMBER_EMAIL": "ops@example.com",
        "CAUSEWAY_ADMIN_KEY": tools.KEY, "CAUSEWAY_VENDOR_ALLOW_NETWORKS": "127.0.0.0/8",
        "CAUSEWAY_LOG_LEVEL": "info",
    }
    gateway = bench.start([bench.causeway, "serve"], "mirror-gateway.log", env)
    processes.append(gateway)
    url = f"http://127.0.0.1:{port}"
    tools.wait_ready(url + "/readyz")
    try:
        curls, ours, peak, export = [], [], 0, None
        # In turn, since the disk is not equally fast all the time; the best of each.
        for report in ("vrc_123456", "vrc_123457", "vrc_123458"):
            curls.append(_curl(f"http://127.0.0.1:{nginx}/files/x", f"{work}/yardstick"))
            with tools.PeakMemory(gateway.pid) as memory:
                export = tools.call("POST", url + "/v1/exports", {"report": report})
                export = tools.call("GET", f"{url}/v1/exports/{export['id']}?wait=60")
                ours.append(_mirrored(tools, url, export, f"{bench.work}/mirror-gateway.log"))
            peak = max(peak, memory.peak)
        tools.row("mirror of a 1 GB file", f"{size / 1e6 / min(ours):,.0f} MB/s",
                  f"curl -o: {size / 1e6 / min(curls):,.0f} MB/s",
                  f"hashed and synced, which curl -o is not; peak {peak:.0f} MB (aim 100)",
                  min(curls) / min(ours), 0.8)
        with tools.PeakMemory(gateway.pid) as memory:
            seconds = _curl(export["files"][0]["url"], f"{work}/download", "-u", f":{tools.KEY}")
        direct = _curl(f"http://127.0.0.1:{nginx}/files/x", f"{work}/yardstick")
        tools.row("download of a mirrored 1 GB file", f"{size / 1e6 / seconds:,.0f} MB/s",
                  f"nginx: {size / 1e6 / direct:,.0f} MB/s", f"by curl -o; peak {memory.peak:.0f} MB",
                  direct / seconds)
        data = f"{url}/v1/exports/{export['id']}/data"
        for name, options in (("CSV", []), ("CSV, gzip", ["-H", "Accept-Encoding: gzip"]),
                              ("NDJSON", ["-H", "Accept: application/x-ndjson"])):
            with tools.PeakMemory(gateway.pid) as memory:
                seconds = _curl(data, f"{work}/download", "-u", f":{tools.KEY}", *options)
            tools.row(f"data of 1 GB as {name}", f"{size / 1e6 / seconds:,.0f} MB/s",
                      f"nginx: {size / 1e6 / direct:,.0f} MB/s",
                      f"of the file's bytes, by curl -o; peak {memory.peak:.0f} MB", direct / seconds)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(40)


def _curl(url, path, *options):
    if os.path.exists(path):
        os.remove(path)
    begin = time.monotonic()
    subprocess.run(["curl", "-fsS", *options, "-o", path, url], check=True)
    return time.monotonic() - begin


def _mirrored(tools, url, export, log):
    """Seconds from the end of the export to its record, as the export's own times and the log tell them."""
    while True:
        now = tools.call("GET", f"{url}/v1/exports/{export['id']}")
        if all(file["mirrored"] for file in now["files"]):
            break
        time.sleep(0.005)
    import datetime
    import json
    ended = recorded = None
    for line in open(log):
        entry = json.loads(line)
        if entry.get("export") != export["id"]:
            continue
        moment = datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
        if entry["message"] == "an export has ended":
            ended = moment
        if entry["message"] == "an export is mirrored":
            recorded = moment
    return (recorded - ended).total_seconds()
