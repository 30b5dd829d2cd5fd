"""Why an order is refused or not found."""

from service.errors import ServiceError


class UnknownCustomer(ServiceError):
    """The customer does not exist."""

    code = "unknown_customer"


class CreditExhausted(ServiceError):
    """The customer owes as much as they may."""

    code = "credit_exhausted"


class OutOfStock(ServiceError):
    """There is less in stock than was asked for."""

    code = "out_of_stock"


class UnknownOrder(ServiceError):
    """The order does not exist."""

    code = "unknown_order"


class UnknownInvoice(ServiceError):
    """No invoice of the order was asked for, or it could not be written."""

    code = "unknown_invoice"
