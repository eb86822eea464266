extension PostgresCluster {
    /// Makes a cluster and minds it for as long as its standard input is open: however the process dies that holds
    /// the other end, the cluster goes. It runs as who may run PostgreSQL, reads a command a line and answers each with
    /// `ok …` or `failed …`.
    ///
    /// `$1` is the superuser's password over TCP, `$2` says whether commits are synced to the disk.
    static let watchdog = #"""
        # A signal meant for the tests must not end what tidies up after them.
        trap '' HUP INT TERM
        umask 077
        cd /

        find_programs() {
            for directory in "$(pg_config --bindir 2>/dev/null)" $(echo "$PATH" | tr : ' ') \
                $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
                for program in initdb pg_ctl postgres psql; do
                    [ -x "$directory/$program" ] || continue 2
                done
                programs=$directory
                return 0
            done
            return 1
        }
        answer() {
            if "$@" </dev/null >"$home/answer" 2>&1; then
                echo "ok $(tr '\n' ' ' <"$home/answer")"
            else
                echo "failed $(tail -n 20 "$home/answer" | tr '\n' ' ')"
            fi
        }
        # Ordered by the rules of a language where PostgreSQL can: who forgets to say otherwise finds out here.
        make() {
            printf %s "$1" >"$home/password"
            for rules in "--locale-provider=icu --icu-locale=en" ""; do
                # shellcheck disable=SC2086
                "$programs/initdb" -D "$home/data" -U causeway -E UTF8 --locale=C.UTF-8 $rules --no-sync \
                    --auth-local=trust --auth-host=scram-sha-256 --pwfile="$home/password" && return 0
                rm -rf "$home/data"
            done
            return 1
        }
        start() {
            "$programs/pg_ctl" start -w -t 300 -D "$home/data" -l "$home/log" -o "-c port=$1 -c fsync=$durable \
                -c full_page_writes=$durable -c unix_socket_directories=$home -c listen_addresses=127.0.0.1 \
                -c max_connections=200" || { tail -n 5 "$home/log"; return 1; }
        }
        stop() { "$programs/pg_ctl" stop -w -t 300 -m "$1" -D "$home/data"; }
        query() { "$programs/psql" -h "$home" -p "$port" -U causeway -AtX -v ON_ERROR_STOP=1 -d "${1%% *}" -c "${1#* }"; }

        encrypt() {
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                -keyout "$home/data/server.key" -out "$home/data/server.crt" 2>/dev/null || return 1
            # The cluster's directory is closed to others.
            certificate=$(mktemp /tmp/causeway-pg-ca.XXXXXX) && cat "$home/data/server.crt" >"$certificate" &&
                chmod 644 "$certificate" && query "postgres ALTER SYSTEM SET ssl = on" >/dev/null &&
                query "postgres SELECT pg_reload_conf()" >/dev/null && echo "$certificate"
        }

        durable=$2
        find_programs || { echo "failed no PostgreSQL here: apt-get install postgresql"; exit 1; }
        home=$(mktemp -d /tmp/causeway-pg.XXXXXX) || { echo "failed no directory in /tmp"; exit 1; }
        answer make "$1"
        while read -r command argument; do
            case $command in
            home) answer echo "$home" ;;
            start) port=$argument; answer start "$argument" ;;
            stop) answer stop "$argument" ;;
            query) answer query "$argument" ;;
            encrypt) answer encrypt ;;
            esac
        done
        # Twice, since the first may have met a start on its way.
        stop immediate >/dev/null 2>&1 || stop immediate >/dev/null 2>&1
        rm -rf "$home" ${certificate:+"$certificate"}
        """#
}
