"""The failures that a client can receive."""


class ServiceError(Exception):
    """A failure with a stable code; the HTTP layer decides its status."""

    code: str

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class DatabaseBusy(ServiceError):
    """No connection became free in time."""

    code = "database_busy"


class DatabaseUnavailable(ServiceError):
    """The database does not answer."""

    code = "database_unavailable"


class NotReady(ServiceError):
    """The service cannot take requests yet."""

    code = "not_ready"
