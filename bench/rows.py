"""What benches keep and how long they may take: a file of results, one JSON object a line, to which each measurement is appended as soon as it is there, so that a bench that was stopped
goes on where it was. Standard library only."""
import json
import os
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
RESULTS = os.path.join(ROOT, "bench/results")
GRAFT = os.path.join(ROOT, "build/release/graft")
ORACLES = os.path.join(ROOT, ".deps/oracles/bin/python")


class Rows:
    """The rows of `path`, or of several files separated by commas, of which the last is written."""

    def __init__(self, path):
        paths = path.split(",")
        self.path, self.rows = paths[-1], []
        for each in paths:
            if os.path.exists(each):
                with open(each) as f:
                    self.rows += [json.loads(line) for line in f]

    def find(self, **fields):
        return [row for row in self.rows if all(row.get(key) == value for key, value in fields.items())]

    def add(self, **row):
        """Keeps the row, with the time and how busy the machine was; returns it."""
        row.update(load=os.getloadavg()[0], time=time.strftime("%Y-%m-%d %H:%M"))
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(self.path, "a") as f:
            f.write(json.dumps(row) + "\n")
        row = json.loads(json.dumps(row))  # as it will be read: tuples are lists
        self.rows.append(row)
        return row


class Clock:
    """Whether another measurement may begin."""

    def __init__(self, minutes):
        self.end = time.monotonic() + 60 * minutes

    def over(self):
        return time.monotonic() >= self.end
