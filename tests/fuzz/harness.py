"""One decoder under Atheris, which looks for bytes that reach new lines: `harness NAME CORPUS [-option ...]`.

The options are libFuzzer's. Ends with another code than 0 where a decoder does anything but take or refuse.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["hansa.core", "hansa.crypto", "hansa.judging", "hansa.protection"]):
    from tests.fuzz.decoders import check, table


def main() -> None:
    """Fuzz the decoder that the command line names."""
    decoder = table()[sys.argv[1]]
    for seed in decoder.seeds:
        assert check(decoder, seed)

    def one(data: bytes) -> None:
        check(decoder, data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
