"""What CPython's fork server loads: as many MB of objects as preload.js has."""
import os

OBJECTS_PER_MB = 3400
table = [{"id": i, "name": "entry %d" % i, "list": [i]} for i in range(int(os.environ.get("BENCH_PRELOAD_MB", "0")) * OBJECTS_PER_MB)]
