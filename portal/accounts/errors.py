"""What can be wrong with the one who asks. Doors turn these into a status, a close code, a page.

SignedOut         nobody is signed in, or not any more       401, close code 4401
KeyRefused        no such key, or not a living one           401
  NoKey           none was given at all                      401
KeyIsForLess      a living key, without the scope needed     403
"""


class SignedOut(Exception):
    """The session has ended, or its person may not sign in any more."""


class KeyRefused(Exception):
    """Unknown, revoked, expired, its owner disabled, or carried where it may not be: all alike."""


class NoKey(KeyRefused):
    """None was given, or only what some clients send to every server."""


class KeyIsForLess(Exception):
    """The key lives, but was not made for this. Carries the scope that is missing."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope
