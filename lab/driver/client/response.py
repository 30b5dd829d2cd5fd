"""The answer to a request, with the interface of `requests.Response` where scenarios look."""


class LeanResponse:
    """To be written."""
