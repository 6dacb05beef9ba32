"""A script that starts a helper in a session of its own, says that it is there, and waits."""

import os
import subprocess
import sys
import time

subprocess.Popen(["sleep", "3600"], start_new_session=True)
print(f"rank {os.environ['RANK']} waits", flush=True)
if len(sys.argv) > 1 and sys.argv[1] == "fails" and os.environ["RANK"] == "1":
    print("the disk is full", file=sys.stderr)
    sys.exit(9)
time.sleep(3600)
