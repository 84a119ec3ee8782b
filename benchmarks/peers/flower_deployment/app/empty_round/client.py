"""A node that answers an empty message with an empty one."""

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


@app.query()
def answer(message: Message, context: Context) -> Message:
    """Return the empty answer."""
    del context
    return Message(RecordDict(), reply_to=message)
