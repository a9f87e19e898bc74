"""Print the first free TCP port of this machine from a given one on.

usage: free_port.py FROM
"""

import itertools
import socket
import sys

for port in itertools.count(int(sys.argv[1])):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
