"""Every error that Hansa raises on purpose, by whose fault it is.

HansaError
+-- CharterError   the charter, or the policy of a site, is wrong: nothing was read yet
+-- DataError      a file, row or cell is wrong
+-- FolderError    a run, model or output folder cannot be used
+-- PartyError     one party failed: its part in the round ends, the others go on
+-- MessageError   a message was forged, damaged or repeated: it is dropped, its sender counts as absent
+-- LinkError      the other side cannot be reached now, or lets nobody in
+-- RefusedError   a party refuses what the coordinator asks of it: it answers no more in this sum
+-- AbortedError   a protected sum has too few parties left: it ends without a sum, and nothing was seen
+-- LedgerError    the credits ledger refuses an act, and nothing is written; or its file does not prove

Anything else that escapes is our bug and stays loud.
"""


class HansaError(Exception):
    """One sentence: where it is wrong, what is wrong, what to do. The command line exits with 2.

    where: a file, a file and line, a charter key or a party; never a record's content.
    do: the remedy, in the imperative, without a full stop.
    """

    def __init__(self, what: str, *, do: str, where: str = "") -> None:
        self.what = what
        self.do = do
        self.where = where
        super().__init__(f"{where}: {what}; {do}." if where else f"{what}; {do}.")


class CharterError(HansaError):
    """Raised by the charter reader, before data is touched."""


class DataError(HansaError):
    """Raised by a reader; `where` names the file and, where there is one, the line."""


class FolderError(HansaError):
    """Raised when a folder to write or to read is missing, foreign or not writable."""


class PartyError(HansaError):
    """Raised for one party's fault; `where` is the party's name."""


class MessageError(HansaError):
    """Raised for a message that is not what it claims; `where` is its claimed sender."""


class LinkError(HansaError):
    """Raised when a server cannot be reached or refuses us; `where` is the server."""


class RefusedError(HansaError):
    """Raised by a party for what no honest coordinator asks, or its site forbids; `where` is which."""


class AbortedError(HansaError):
    """Raised when a protected sum ends without being opened; `where` is the sum."""


class LedgerError(HansaError):
    """Raised for an act that the credits ledger refuses, or for its file; `where` is the account or file."""
