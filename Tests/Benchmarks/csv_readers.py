"""Other people's readers of CSV, one thread each: `csv_readers.py duckdb|pyarrow|python|frictionless FILE`.

Prints bytes a second and rows. Every reader has to produce every cell; none checks what is in it but frictionless,
which is given types."""

import os
import sys
import time


def duckdb(path):
    import duckdb
    store = duckdb.connect(config={"threads": 1})
    return store.execute(
        "SELECT count(*), count(COLUMNS(*)) FROM read_csv(?, header=true, all_varchar=true, delim=',', quote='\"', escape='\"', "
        "auto_detect=false, columns={'partner_email': 'VARCHAR', 'amount_in_cents': 'VARCHAR', 'body': 'VARCHAR', "
        "'created_at': 'VARCHAR', 'currency': 'VARCHAR', 'status': 'VARCHAR'})", [path]).fetchone()[0]


def pyarrow(path):
    from pyarrow import csv, string
    names = open(path).readline().strip().split(",")
    options = csv.ConvertOptions(column_types={name: string() for name in names})
    return sum(batch.num_rows for batch in csv.open_csv(path, csv.ReadOptions(use_threads=False), convert_options=options))


def python(path):
    import csv
    with open(path, newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def frictionless(path):
    from frictionless import Checklist, Resource, Schema
    schema = Schema.from_descriptor({"fields": [
        {"name": "partner_email", "type": "string", "format": "email", "constraints": {"required": True}},
        {"name": "amount_in_cents", "type": "integer", "constraints": {"required": True}},
        {"name": "body", "type": "string", "constraints": {"required": True}},
        {"name": "created_at", "type": "date"}, {"name": "currency", "type": "string"},
        {"name": "status", "type": "string", "constraints": {"enum": ["pending", "declined", "hold", "approved", "paid"]}},
    ]})
    os.chdir(os.path.dirname(path))
    report = Resource(path=os.path.basename(path), schema=schema).validate(Checklist())
    if not report.valid:
        raise SystemExit(f"frictionless finds fault with the file: {report.flatten()[:3]}")
    return report.tasks[0].stats["rows"]


begin = time.monotonic()
rows = globals()[sys.argv[1]](sys.argv[2])
print(int(os.path.getsize(sys.argv[2]) / (time.monotonic() - begin)), rows)
