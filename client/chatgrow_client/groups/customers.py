"""The people of a business: customers, and subscribers of its lists."""

from __future__ import annotations

from chatgrow_client.calls import (
    Call,
    Query,
    delete,
    get,
    model,
    patch,
    path,
    post_once,
    text_of,
)
from chatgrow_client.contents import TextContent
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    ConsentHistory,
    CustomerChange,
    CustomerList,
    CustomerView,
    ImportReport,
    ListsView,
    NewCustomer,
    NewSubscriber,
    SubscriberChange,
    SubscriberList,
    SubscriberStatus,
    SubscriberView,
)
from chatgrow_client.pages import Pages

_CUSTOMERS, _CUSTOMER = "/api/customers", "/api/customers/{}"
_SUBSCRIBERS, _SUBSCRIBER = "/api/subscribers", "/api/subscribers/{}"
_CSV = "text/csv"


class Customers(Group[Transport]):
    """The customers of a business."""

    @method
    def create(self, new: NewCustomer, *, idempotency_key: str | None = None) -> Call[CustomerView]:
        """Create a customer."""
        return post_once(_CUSTOMERS, model(CustomerView), new, key=idempotency_key)

    @listing
    def list(
        self, *, search: str | None = None, tag: str | None = None, page_size: int | None = None
    ) -> Pages[CustomerView]:
        """List the customers, all or those who match."""
        query: Query = {"search": search, "tag": tag, "limit": page_size}
        return Pages(get(_CUSTOMERS, model(CustomerList), query))

    @method
    def get(self, customer_id: str) -> Call[CustomerView]:
        """Return a customer."""
        return get(path(_CUSTOMER, customer_id), model(CustomerView))

    @method
    def change(self, customer_id: str, change: CustomerChange) -> Call[CustomerView]:
        """Change what is given."""
        return patch(path(_CUSTOMER, customer_id), model(CustomerView), change)

    @method
    def consents(self, customer_id: str) -> Call[ConsentHistory]:
        """Return what a person has agreed to and refused, newest first."""
        return get(path(f"{_CUSTOMER}/consents", customer_id), model(ConsentHistory))

    @method
    def erase(self, customer_id: str) -> Call[None]:
        """Erase a person, and what is known of them."""
        return delete(path(_CUSTOMER, customer_id))

    @method
    def import_csv(self, csv: str, *, idempotency_key: str | None = None) -> Call[ImportReport]:
        """Create and change customers from CSV; `refused` has the lines that are wrong."""
        where, content = f"{_CUSTOMERS}/import", TextContent(csv, _CSV)
        return post_once(where, model(ImportReport), content, key=idempotency_key)

    @method
    def export_csv(self) -> Call[str]:
        """Return all customers as CSV."""
        return get(f"{_CUSTOMERS}/export", text_of)


class Subscribers(Group[Transport]):
    """The numbers on a business's lists."""

    @method
    def create(
        self, new: NewSubscriber, *, idempotency_key: str | None = None
    ) -> Call[SubscriberView]:
        """Put a number on a list; with `double_opt_in` it is asked first."""
        return post_once(_SUBSCRIBERS, model(SubscriberView), new, key=idempotency_key)

    @listing
    def list(
        self,
        *,
        on_list: str | None = None,
        status: SubscriberStatus | None = None,
        search: str | None = None,
        page_size: int | None = None,
    ) -> Pages[SubscriberView]:
        """List the subscribers, all or those who match."""
        query: Query = {"list": on_list, "status": status, "search": search, "limit": page_size}
        return Pages(get(_SUBSCRIBERS, model(SubscriberList), query))

    @method
    def lists(self) -> Call[ListsView]:
        """Return the lists, each with how many a campaign to it would reach now."""
        return get(f"{_SUBSCRIBERS}/lists", model(ListsView))

    @method
    def get(self, subscriber_id: str) -> Call[SubscriberView]:
        """Return a subscriber."""
        return get(path(_SUBSCRIBER, subscriber_id), model(SubscriberView))

    @method
    def change(self, subscriber_id: str, change: SubscriberChange) -> Call[SubscriberView]:
        """Change what is given."""
        return patch(path(_SUBSCRIBER, subscriber_id), model(SubscriberView), change)

    @method
    def remove(self, subscriber_id: str) -> Call[None]:
        """Remove a subscriber."""
        return delete(path(_SUBSCRIBER, subscriber_id))

    @method
    def import_csv(self, csv: str, *, idempotency_key: str | None = None) -> Call[ImportReport]:
        """Create and change subscribers from CSV; `refused` has the lines that are wrong."""
        where, content = f"{_SUBSCRIBERS}/import", TextContent(csv, _CSV)
        return post_once(where, model(ImportReport), content, key=idempotency_key)

    @method
    def export_csv(self) -> Call[str]:
        """Return all subscribers as CSV."""
        return get(f"{_SUBSCRIBERS}/export", text_of)
