"""What IAM is asked before there is a screen: a line says so where the answer takes a while."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from batch.cli.screen import say
from batch.csms.access import Access
from batch.process.loop import ask_loop

T = TypeVar("T")
_SAY_AFTER_S = 3.0


def asked(question: Callable[[], Coroutine[Any, Any, T]], access: Access) -> T:
    """The answer.

    Raises:
        InterruptedBySignal: a signal has come.
    """
    source = access.login.describe().source

    async def answered() -> T:
        line = f"login not answering; tried for half a minute; source: {source}"
        late = asyncio.get_running_loop().call_later(_SAY_AFTER_S, say, line)
        try:
            return await question()
        finally:
            late.cancel()

    return ask_loop(answered)
