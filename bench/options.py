"""The options that benches share. Standard library only."""
import argparse
import os

from rows import GRAFT, RESULTS


def parser(doc, results, threads=2, minutes=60, graft=True, device=False):
    """A bench that keeps its measurements (rows.py): --minutes, --graft, --results (its default is the file `results` of bench/results), --threads and --tables; on request --device."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=float, default=minutes, help="begin nothing after these")
    if graft:
        p.add_argument("--graft", default=GRAFT, help="the program")
    p.add_argument("--results", default=os.path.join(RESULTS, results), help="several, separated by commas, are read; the last is written")
    p.add_argument("--threads", type=int, default=threads, help="of each run")
    p.add_argument("--tables", action="store_true", help="only print what the results file holds")
    if device:
        p.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="cuda: give a results file of its own")
    return p


def add_some_of(p, option, known, kind=str, separator=","):
    """An option that takes some of `known`, separated; all of them when it is not given, an error that lists them where it names another."""
    def read(text):
        given = [kind(value) for value in text.split(separator)]
        unknown = [str(value) for value in given if value not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; give some of {separator.join(map(str, known))}")
        return given
    p.add_argument(option, type=read, default=list(known), metavar=separator.join(["A", "B", "…"]), help="some of " + separator.join(map(str, known)).replace("%", "%%"))


def add_numbers(p, option, default):
    """An option that takes whole numbers separated by commas."""
    p.add_argument(option, type=lambda text: [int(value) for value in text.split(",")], default=list(default), metavar="N,N,…")
