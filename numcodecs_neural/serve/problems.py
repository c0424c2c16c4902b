"""Problem: an answer that is no data; its text is for the person at the client."""

from http import HTTPStatus

__all__ = ["Problem"]


class Problem(Exception):
    """Ends a request with a status and a line of text.

    Parameters
    ----------
    status : HTTPStatus
    text : str
        One sentence.
    headers : dict, optional
        Beside those that all answers have.
    """

    def __init__(
        self, status: HTTPStatus, text: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}
