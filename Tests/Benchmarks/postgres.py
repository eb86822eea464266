"""A PostgreSQL for one run of the bench: an unprivileged user's, on a real disk, every commit synced, gone afterwards."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.parse


def programs():
    """The directory with initdb and postgres; Debian keeps them out of PATH."""
    for directory in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True) + os.environ["PATH"].split(":"):
        if all(os.access(f"{directory}/{name}", os.X_OK) for name in ("initdb", "postgres", "psql")):
            return directory
    raise SystemExit("PostgreSQL is missing: run deploy/bootstrap")


class Cluster:
    def __init__(self, home):
        self.home, self.port = home, 5432
        self.who = {}
        os.mkdir(home, 0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(home, user.pw_uid, user.pw_gid)
        self.url = f"postgres://causeway@{urllib.parse.quote(home, safe='')}/postgres?port={self.port}"

    def __enter__(self):
        directory = programs()
        self.log = open(f"{os.path.dirname(self.home)}/postgres.log", "wb")
        said = {"stdout": self.log, "stderr": subprocess.STDOUT, "cwd": "/", **self.who}
        subprocess.run([f"{directory}/initdb", "-D", f"{self.home}/data", "-U", "causeway", "-E", "UTF8",
                        "--locale=C.UTF-8", "--auth=trust"], check=True, **said)
        # As a machine of its own would have it; durability as it is without being asked.
        self.process = subprocess.Popen(
            [f"{directory}/postgres", "-D", f"{self.home}/data", "-c", f"unix_socket_directories={self.home}",
             "-c", "listen_addresses=", "-c", f"port={self.port}", "-c", "shared_buffers=256MB",
             "-c", "max_wal_size=4GB"], **said)
        for _ in range(200):
            if self.query("SELECT 1", check=False).returncode == 0:
                break
            time.sleep(0.05)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert self.query(f"SHOW {setting}").stdout.strip() == "on", setting
        return self

    def query(self, statement, check=True):
        return subprocess.run([f"{programs()}/psql", "-h", self.home, "-p", str(self.port), "-U", "causeway", "-AtX",
                               "-d", "postgres", "-c", statement], capture_output=True, text=True, check=check, cwd="/",
                              **self.who)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)
