"""Why a receiver did not take a notice, in words for whoever looks after a clinic's machines."""

import smtplib
import socket
import ssl

_WORDS: tuple[tuple[type[Exception], str], ...] = (  # the first that fits: subclasses first
    (ssl.SSLCertVerificationError, "its certificate is not trusted on this machine"),
    (ssl.SSLError, "it speaks no TLS that this machine speaks"),
    (socket.gaierror, "its name is not found"),
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "it says nothing in time"),
    (smtplib.SMTPServerDisconnected, "it hung up, or says nothing in time"),
    (smtplib.SMTPNotSupportedError, "it offers no STARTTLS, or no login"),
    (smtplib.SMTPAuthenticationError, "it does not take our login"),
    (smtplib.SMTPRecipientsRefused, "it takes no mail to this address"),
)


def cause_of(error: BaseException) -> str:
    """Say it; of an error that nobody has words for, its name."""
    found = (words for kind, words in _WORDS if isinstance(error, kind))
    return next(found, type(error).__name__)
