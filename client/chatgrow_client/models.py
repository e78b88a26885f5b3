"""What the API takes and answers.

Written by scripts/write_client_models.py; do not edit.
"""

from __future__ import annotations

from typing import Annotated, Any, Dict, List, Literal, Optional, Tuple, Union

from pydantic import AwareDatetime, Field

from chatgrow_client.model_base import Answer, Body, OpenEnum


class ProblemCode(OpenEnum):
    """The code of an error."""

    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    ALREADY_EXISTS = "already_exists"
    ALREADY_LINKED = "already_linked"
    API_KEY_NOT_FOUND = "api_key_not_found"
    APPOINTMENT_NOT_FOUND = "appointment_not_found"
    AUTOMATION_NOT_FOUND = "automation_not_found"
    CAMPAIGN_NOT_FOUND = "campaign_not_found"
    CONNECTION_EXISTS = "connection_exists"
    CONNECTION_NOT_FOUND = "connection_not_found"
    CSRF = "csrf"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    EDIT_WINDOW_OVER = "edit_window_over"
    EVENT_NOT_FOUND = "event_not_found"
    EXPIRED_ALREADY = "expired_already"
    FILE_UNREADABLE = "file_unreadable"
    FORBIDDEN = "forbidden"
    FOREIGN_ORIGIN = "foreign_origin"
    HOST_NOT_ALLOWED = "host_not_allowed"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    IN_USE = "in_use"
    INTERNAL_ERROR = "internal_error"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_FIELDS = "invalid_fields"
    INVALID_PARAMETER = "invalid_parameter"
    INVALID_REFRESH_TOKEN = "invalid_refresh_token"
    LINK_EXPIRED = "link_expired"
    LINK_UNKNOWN = "link_unknown"
    LINK_USED = "link_used"
    MALFORMED_BODY = "malformed_body"
    MALFORMED_JSON = "malformed_json"
    MEDIA_DAMAGED = "media_damaged"
    MEDIA_EMPTY = "media_empty"
    MEDIA_KEY_MISSING = "media_key_missing"
    MEDIA_NOT_FOUND = "media_not_found"
    MEDIA_QUOTA_EXCEEDED = "media_quota_exceeded"
    MEDIA_TOO_LARGE = "media_too_large"
    MEDIA_UNSUITABLE = "media_unsuitable"
    MESSAGE_NOT_FOUND = "message_not_found"
    MESSAGE_REVOKED = "message_revoked"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    METRICS_CLOSED = "metrics_closed"
    NO_ENCRYPTION_KEYS = "no_encryption_keys"
    NO_FILE_TO_FETCH = "no_file_to_fetch"
    NO_PAIRING_CODE = "no_pairing_code"
    NO_QR_CODE = "no_qr_code"
    NOT_EDITABLE = "not_editable"
    NOT_FOUND = "not_found"
    NOT_OWN_MESSAGE = "not_own_message"
    NOT_POSSIBLE_NOW = "not_possible_now"
    NUMBER_ALREADY_LINKED = "number_already_linked"
    NUMBER_CHECK_FAILED = "number_check_failed"
    NUMBER_CHECK_TIMED_OUT = "number_check_timed_out"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    OTHER_NUMBER = "other_number"
    PACE_LIMITED = "pace_limited"
    PAGE_FAILED = "page_failed"
    PAGE_TIMED_OUT = "page_timed_out"
    PAIRING_NOT_AVAILABLE = "pairing_not_available"
    PAIRING_RATE_LIMITED = "pairing_rate_limited"
    PAIRING_REFUSED = "pairing_refused"
    QUEUE_FULL = "queue_full"
    QUOTA_EXCEEDED = "quota_exceeded"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    RATE_LIMITED = "rate_limited"
    REGISTRATION_NOT_FOUND = "registration_not_found"
    REPLY_TO_NOT_FOUND = "reply_to_not_found"
    REQUEST_ENTITY_TOO_LARGE = "request_entity_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    REVOKE_WINDOW_OVER = "revoke_window_over"
    SETUP_TOKEN_REQUIRED = "setup_token_required"
    SIGN_IN_EXPIRED = "sign_in_expired"
    STORE_UNAVAILABLE = "store_unavailable"
    SUBSCRIBER_NOT_FOUND = "subscriber_not_found"
    TEMPLATE_INVALID = "template_invalid"
    TEMPLATE_NOT_FOUND = "template_not_found"
    TEMPLATE_UNSUITABLE = "template_unsuitable"
    TEMPLATE_VALUE_MISSING = "template_value_missing"
    TEXT_KEY_MISSING = "text_key_missing"
    TOO_BUSY = "too_busy"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    TOO_MANY_STREAMS = "too_many_streams"
    TOO_MANY_WAITING_REQUESTS = "too_many_waiting_requests"
    UNAUTHORIZED = "unauthorized"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    URL_NOT_ALLOWED = "url_not_allowed"
    USER_EXISTS = "user_exists"
    USER_HAS_CONNECTIONS = "user_has_connections"
    USER_NOT_FOUND = "user_not_found"
    WEBHOOK_NOT_FOUND = "webhook_not_found"
    WRONG_STATE = "wrong_state"
    WRONG_STATUS = "wrong_status"


class EventType(OpenEnum):
    """What an event tells of."""

    CONNECTION_STATE = "connection.state"
    CONNECTION_QR = "connection.qr"
    CONNECTION_DELETED = "connection.deleted"
    MESSAGE_STATUS = "message.status"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_REVOKED = "message.revoked"
    MESSAGE_REACTION = "message.reaction"
    MESSAGE_MEDIA = "message.media"
    POLL_VOTE = "poll.vote"
    WEBHOOK_DISABLED = "webhook.disabled"
    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    SUBSCRIBER_SUBSCRIBED = "subscriber.subscribed"
    SUBSCRIBER_UNSUBSCRIBED = "subscriber.unsubscribed"
    GAP = "gap"
    WEBHOOK_TEST = "webhook.test"


class About(Answer):
    """GET /api."""

    name: str
    version: str


class Accepted(Answer):
    """The answer to a send: stored, with its id; not yet sent."""

    message_id: str
    status: MessageStatus
    waiting: Optional[Waiting] = None


class AcceptedList(Answer):
    """The answer to a bulk send, in the order of the request; `refused` only with `partial`."""

    items: List[Accepted]
    refused: Optional[List[RefusedMessage]] = None


class Actor(OpenEnum):
    """Who acts next on a connection."""

    NOBODY = "nobody"
    WORKER = "worker"
    PHONE = "phone"
    ADMIN = "admin"
    OPERATOR = "operator"


class Agreement(OpenEnum):
    """Whether a person wants messages of a purpose."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


class Alive(Answer):
    """GET /health/live."""

    status: Literal["ok"]


class AnswerView(Answer):
    """One answer of a person for a purpose; `evidence` is the id of their message."""

    purpose: Purpose
    state: Agreement
    at: AwareDatetime
    how: str
    evidence: Optional[str] = None


class ApiKeyList(Answer):
    """GET /api/api-keys."""

    items: List[ApiKeyView]


class ApiKeyView(Answer):
    """An API key without the key itself."""

    id: str
    name: str
    owner: str
    scopes: List[Scope]
    all_owners: bool
    connection_ids: Optional[List[str]] = None
    allowed_ips: Optional[List[str]] = None
    expires_at: Optional[AwareDatetime] = None
    made_by: Optional[str] = None
    created_at: AwareDatetime
    last_used_at: Optional[AwareDatetime] = None


class AppointmentChange(Body):
    """PATCH /api/appointments/{id}: another time is the same as `reschedule`.

    Null takes the place, the notes or `externalId` away.
    """

    starts_at: Optional[AwareDatetime] = None
    ends_at: Optional[AwareDatetime] = None
    service: Optional[str] = None
    location: Optional[str] = None
    notes: Optional[str] = None
    external_id: Optional[str] = None


class AppointmentList(Answer):
    """A page of appointments in the order of their times."""

    items: List[AppointmentView]
    cursor: Optional[str] = None


class AppointmentStats(Answer):
    """How appointments ended, with or without a reminder that was sent."""

    reminded: bool
    by_status: Dict[str, int]
    confirmed_rate: Optional[float] = None
    cancelled_rate: Optional[float] = None
    no_show_rate: Optional[float] = None


class AppointmentStatus(OpenEnum):
    """Where an appointment is."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class AppointmentView(Answer):
    """An appointment, the messages of automations about it, and those that are not sent."""

    id: str
    owner: str
    customer: str
    customer_name: Optional[str] = None
    customer_phone: Optional[str] = None
    connection_id: str
    service: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    time_zone: str
    status: AppointmentStatus
    version: int
    location: Optional[str] = None
    notes: str
    external_id: Optional[str] = None
    created_at: AwareDatetime
    allowed_moves: List[str]
    messages: List[MessageOfPlan]
    omitted: List[OmittedView]


class AutomationChange(Body):
    """PATCH /api/automations/{id}: what waits is planned again.

    `"deliveryHour": null` lets messages go at any hour, `"offset": null` at once,
    `"expects": null` leaves that to the template, and `"conditions": null` lets it work for
    all records.
    """

    expects: Optional[Expects] = None
    offset: Optional[str] = None
    delivery_hour: Optional[Union[str, int]] = None
    conditions: Optional[ConditionWish] = None
    name: Optional[str] = None
    template: Optional[str] = None
    purpose: Optional[Purpose] = None
    connection_id: Optional[str] = None
    enabled: Optional[bool] = None


class AutomationList(Answer):
    """A page of automations, newest first."""

    items: List[AutomationView]
    cursor: Optional[str] = None


class AutomationPreview(Answer):
    """What an automation would send for an appointment; nothing is stored."""

    items: List[PlannedView]


class AutomationView(Answer):
    """An automation. A ready-made one is nobody's and has no id: POST it with your
    connection.

    `trades` are the kinds of business that a ready-made one suits.
    """

    id: Optional[str] = None
    owner: Optional[str] = None
    name: str
    enabled: bool
    trigger: Trigger
    offset: Optional[str] = None
    delivery_hour: Optional[str] = None
    template: str
    expects: Optional[Expects] = None
    purpose: Purpose
    connection_id: Optional[str] = None
    conditions: Optional[ConditionView] = None
    last_error: Optional[LastErrorView] = None
    created_at: Optional[AwareDatetime] = None
    trades: Optional[List[Trade]] = None


class BulkSend(Body):
    """POST /api/whatsapp/send/bulk: all messages are accepted, or none.

    `priority` and `reference` are those of the messages that name none of their own.
    """

    connection_id: str
    priority: Optional[Literal["high", "normal", "low"]] = None
    reference: Optional[str] = None
    messages: List[MessageRequest]


class CampaignChange(Body):
    """PATCH /api/campaigns/{id}, before it has started; null takes the time of a draft away."""

    name: Optional[str] = None
    template: Optional[str] = None
    list: Optional[str] = None
    send_at: Optional[AwareDatetime] = None


class CampaignCounts(Answer):
    """What became of a campaign's messages; `replied` within a week."""

    eligible: int
    skipped: Dict[str, int]
    queued: int
    sent: int
    delivered: int
    read: int
    failed: int
    unknown: int
    replied: int
    opted_out: int


class CampaignList(Answer):
    """A page of campaigns, newest first."""

    items: List[CampaignView]
    cursor: Optional[str] = None


class CampaignStatus(OpenEnum):
    """Where a campaign is."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class CampaignView(Answer):
    """A campaign; `reason` says why it was paused by itself."""

    id: str
    owner: str
    name: str
    template: str
    connection_id: str
    list: str
    send_at: Optional[AwareDatetime] = None
    status: CampaignStatus
    reason: Optional[str] = None
    created_at: AwareDatetime
    counts: CampaignCounts


class CardView(Answer):
    """A contact card: a name, and phone numbers as they are written there."""

    name: Optional[str] = None
    phones: List[str]


class ChatList(Answer):
    """A page of chats, the one with the newest message first; `cursor` asks for the next
    page.
    """

    items: List[ChatView]
    cursor: Optional[str] = None


class ChatView(Answer):
    """A chat: its newest message, and how many received ones were not read (100 or more:
    100).

    `name` is what the person calls themselves, or the subject of a group.
    """

    chat_id: str
    connection_id: str
    owner: str
    name: Optional[str] = None
    number: Optional[str] = None
    unread: int
    last_message: Annotated[Union[MessageView, ReceivedView], Field(discriminator="direction")]
    last_at: AwareDatetime


class Command(OpenEnum):
    """What a connection can be told to do."""

    START = "start"
    STOP = "stop"
    LINK = "link"
    RESTART = "restart"
    LOGOUT = "logout"
    DELETE = "delete"
    CHECK_NUMBER = "check_number"


class ConditionView(Answer):
    """For which records an automation works."""

    services: List[str]
    statuses: List[AppointmentStatus]
    tags: List[str]


class ConditionWish(Body):
    """For which records an automation works; a list that is left out means all."""

    services: Optional[List[str]] = None
    statuses: Optional[List[AppointmentStatus]] = None
    tags: Optional[List[str]] = None


class ConnectionChange(Body):
    """PATCH …/{id}: only the given fields change; `"proxy": null` removes the proxy."""

    name: Optional[str] = None
    pacing: Optional[Pacing] = None
    proxy: Optional[ProxyRequest] = None


class ConnectionList(Answer):
    """GET /api/whatsapp/connections."""

    items: List[ConnectionView]


class ConnectionState(OpenEnum):
    """Where a connection is; `acts_next` says who acts."""

    STOPPED = "stopped"
    STARTING = "starting"
    AWAITING_SCAN = "awaiting_scan"
    PASSKEY_REQUIRED = "passkey_required"
    SYNCING = "syncing"
    CONNECTED = "connected"
    DEGRADED = "degraded"
    DISCONNECTED = "disconnected"
    LOGGED_OUT = "logged_out"


class ConnectionView(Answer):
    """A connection with its settings and its status.

    `sent` counts the messages sent since `sentSince`, if that was asked for.
    """

    connection_id: str
    state: ConnectionState
    reason: Optional[Reason] = None
    since: AwareDatetime
    until: Optional[AwareDatetime] = None
    acts_next: Actor
    allowed_commands: List[Command]
    worker: Optional[str] = None
    phone_number: Optional[str] = None
    page: Optional[PageView] = None
    queue: QueueView
    name: str
    owner: str
    created_at: AwareDatetime
    pacing: Pacing
    proxy: Optional[ProxyView] = None
    sent: Optional[int] = None


class ConsentHistory(Answer):
    """What a person has answered, newest first."""

    items: List[AnswerView]


class ConsentView(Answer):
    """What a person has agreed to for a purpose; `evidence` is the id of their message."""

    state: Agreement
    at: Optional[AwareDatetime] = None
    how: Optional[str] = None
    evidence: Optional[str] = None


class ConsentWishes(Body):
    """What a person agrees to; what is left out stays as it is."""

    reminder: Optional[Literal["in", "out"]] = None
    service: Optional[Literal["in", "out"]] = None
    marketing: Optional[Literal["in", "out"]] = None


class Contact(Answer):
    """A contact card: the name and the phone number of a person."""

    name: str
    phone: str


class ConversationPage(Answer):
    """Messages of one chat in both directions, newest first; `cursor` asks for the next
    page.
    """

    chat_id: str
    items: List[Annotated[Union[MessageView, ReceivedView], Field(discriminator="direction")]]
    cursor: Optional[str] = None


class CreatedApiKey(Answer):
    """A new key; `key` is shown only here."""

    id: str
    name: str
    owner: str
    scopes: List[Scope]
    all_owners: bool
    connection_ids: Optional[List[str]] = None
    allowed_ips: Optional[List[str]] = None
    expires_at: Optional[AwareDatetime] = None
    made_by: Optional[str] = None
    created_at: AwareDatetime
    last_used_at: Optional[AwareDatetime] = None
    key: str


class CreatedWebhook(Answer):
    """A new webhook; `secret` is shown only here."""

    id: str
    owner: str
    url: str
    events: List[str]
    connection_ids: Optional[List[str]] = None
    description: Optional[str] = None
    header_names: List[str]
    enabled: bool
    disabled_reason: Optional[DisabledReason] = None
    disabled_at: Optional[AwareDatetime] = None
    failures: int
    failing_since: Optional[AwareDatetime] = None
    held_until: Optional[AwareDatetime] = None
    created_at: AwareDatetime
    secret: str


class Credentials(Body):
    """POST /api/auth/login."""

    email: str
    password: str


class CustomerChange(Body):
    """PATCH /api/customers/{id}: only the given fields change, and only the given
    attributes.

    Null takes the name, the time zone, the notes, the tags or an attribute away.
    """

    language: Optional[Language] = None
    time_zone: Optional[str] = None
    tags: Optional[List[str]] = None
    notes: Optional[str] = None
    attributes: Optional[Dict[str, Any]] = None
    consents: Optional[ConsentWishes] = None
    name: Optional[str] = None
    phone: Optional[str] = None


class CustomerList(Answer):
    """A page of customers, newest first."""

    items: List[CustomerView]
    cursor: Optional[str] = None


class CustomerView(Answer):
    """A customer."""

    id: str
    owner: str
    name: str
    phone: str
    language: Language
    time_zone: Optional[str] = None
    tags: List[str]
    notes: str
    attributes: Dict[str, str]
    consents: Dict[str, ConsentView]
    created_at: AwareDatetime


class DeliveryList(Answer):
    """GET …/deliveries, newest first; `cursor` is that of the next page."""

    items: List[DeliveryView]
    cursor: Optional[str] = None


class DeliveryStatus(OpenEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryView(Answer):
    """An event for a webhook; `id` is the header `webhook-id` of each of its tries."""

    id: str
    type: str
    status: DeliveryStatus
    due_at: Optional[AwareDatetime] = None
    created_at: AwareDatetime
    ended_at: Optional[AwareDatetime] = None
    tries: List[TryView]


class DisabledReason(OpenEnum):
    """Why a webhook is disabled; a stable code for clients."""

    BY_OWNER = "by_owner"
    GONE = "gone"
    FAILING = "failing"


class DiskState(OpenEnum):
    """Whether a disk has room, the worst last."""

    OK = "ok"
    DISK_LOW = "disk_low"
    DISK_FULL = "disk_full"


class DryRun(Answer):
    """When a bulk would be sent at the current pace if it were accepted now; nothing is
    stored.

    There are no times if 10000 or more messages go before it.
    """

    count: int
    first_at: Optional[AwareDatetime] = None
    last_at: Optional[AwareDatetime] = None
    estimated_at: Optional[List[AwareDatetime]] = None


class EditMessage(Body):
    """POST …/messages/{id}/edit: the new text, or the new caption."""

    message: str


class ErasedView(Answer):
    """What was erased, by kind.

    `messages` were sent or queued, `received` came from the person. `cancelled` counts those
    of the `messages` that were queued. Messages that are being sent (`sending`) are erased
    after they were sent. A used Idempotency-Key is kept without its request's digest, so
    that it cannot send the same again.
    """

    messages: int
    cancelled: int
    received: int
    sending: int
    number_checks: int
    known_numbers: int
    idempotency_keys: int
    jobs: int
    events: int
    deliveries: int


class EventChange(Body):
    """PATCH /api/events/{id}: a smaller capacity takes no place from anybody.

    Null takes the capacity (everybody gets a place), the place or the notes away.
    """

    starts_at: Optional[AwareDatetime] = None
    ends_at: Optional[AwareDatetime] = None
    name: Optional[str] = None
    location: Optional[str] = None
    capacity: Optional[int] = None
    notes: Optional[str] = None


class EventList(Answer):
    """A page of events, newest first."""

    items: List[EventView]
    cursor: Optional[str] = None


class EventView(Answer):
    """An event; `registered` counts those who have a place."""

    id: str
    owner: str
    name: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    time_zone: str
    location: Optional[str] = None
    capacity: Optional[int] = None
    notes: str
    registered: int
    created_at: AwareDatetime


class Expects(OpenEnum):
    """What answer a template asks for."""

    CONFIRM = "confirm"


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str
    message: str


class FileAsked(Answer):
    """POST …/messages/{id}/media: the file is fetched when the connection's page can."""

    message_id: str
    state: MediaState


class Flaw(OpenEnum):
    """What is wrong with a line."""

    NUMBER_ROUNDED = "number_rounded"
    NUMBER_WITHOUT_COUNTRY = "number_without_country"
    NUMBER_INVALID = "number_invalid"
    LANGUAGE_UNKNOWN = "language_unknown"
    TOO_LONG = "too_long"
    NUMBER_TAKEN = "number_taken"
    NOT_SUBSCRIBED = "not_subscribed"
    OTHER = "other"


class GroupList(Answer):
    """The groups of a connection's account."""

    items: List[GroupView]


class GroupView(Answer):
    """A group; `size` counts all participants, also where a very long list is cut off."""

    chat_id: str
    subject: Optional[str] = None
    size: int
    participants: List[ParticipantView]


class Health(Answer):
    """GET /health: whether messages can be sent, and what is away if not.

    `whatsapp` is `changed` while all connections wait because WhatsApp Web has changed; it
    is missing while MongoDB is down.
    """

    status: str
    version: str
    checks: HealthChecks
    whatsapp: Optional[str] = None
    away: Optional[List[str]] = None
    saved_page: Optional[SavedPage] = None


class HealthChecks(Answer):
    """What messages need to be sent, and how many workers are alive.

    `disk` is the worst of the workers' disks and, with embedded servers, of the API's own;
    it is missing where nothing could be looked at.
    """

    mongo: str
    redis: str
    workers: int
    disk: Optional[DiskState] = None


class HistoryView(Answer):
    """GET /api/whatsapp/history, oldest first; times at which no API ran are missing."""

    step_seconds: int
    items: List[SampleView]


class ImportReport(Answer):
    """What an import has done."""

    created: int
    updated: int
    refused: List[RefusedLine]


class IntakeFailureList(Answer):
    """Refused jobs of the last 30 days, newest first; `cursor` asks for the next page."""

    items: List[IntakeFailureView]
    cursor: Optional[str] = None


class IntakeFailureView(Answer):
    """An arq job that was refused, by its id, and why."""

    job: str
    reason: str
    failed_at: AwareDatetime


class Kind(OpenEnum):
    """What kind of content a message has."""

    TEXT = "text"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    MEDIA = "media"
    REACTION = "reaction"
    EDIT = "edit"
    REVOKE = "revoke"


class Language(OpenEnum):
    """A language in which messages are written."""

    HE = "he"
    EN = "en"


class LastErrorView(Answer):
    """Why an automation could not plan a message, and for which record."""

    code: str
    detail: str
    at: AwareDatetime
    subject: str
    variable: Optional[str] = None


class LinkCode(Answer):
    """The QR code on show, valid for some seconds; no time, as the viewer's clock may be
    wrong.
    """

    svg: str
    expires_in_seconds: float


class LinkPairing(Answer):
    """A pairing code in the form to type on the phone, and for how many seconds it works."""

    code: str
    expires_in_seconds: float


class LinkState(Answer):
    """The progress of linking, with the QR code on show; `version` identifies this answer."""

    connection: str
    link_expires_at: AwareDatetime
    stage: Stage
    version: str
    qr: Optional[LinkCode] = None


class ListView(Answer):
    """A list: how many a campaign to it would reach now, and how many it would skip, by
    reason.
    """

    list: str
    eligible: int
    skipped: Dict[str, int]


class ListsView(Answer):
    """GET /api/subscribers/lists: all lists, by name."""

    items: List[ListView]


class Location(Answer):
    """A place on the map, in degrees, and its name."""

    latitude: float
    longitude: float
    name: Optional[str] = None


class LogRecordList(Answer):
    """Records, newest first; `cursor` is present if more may follow."""

    items: List[LogRecordView]
    cursor: Optional[str] = None


class LogRecordView(Answer):
    """One log record; its other bound values follow under their own names."""

    time: str
    level: str
    process: str
    worker: Optional[str] = None
    owner: Optional[str] = None
    connection: Optional[str] = None
    message_id: Optional[str] = None
    message: str
    exception: Optional[str] = None


class Me(Answer):
    """GET /api/auth/me: who the caller is and what they may do."""

    owner: str
    role: Role
    scopes: List[Scope]
    user: Optional[UserView] = None
    api_keys: Optional[int] = None


class MediaKind(OpenEnum):
    """As what a file is sent."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"


class MediaPart(Answer):
    """The file of a message; before it is fetched from its URL, only as what it is to be
    sent.

    Until a file is converted, `mediaId` is that of the original.
    """

    media_id: Optional[str] = None
    mimetype: Optional[str] = None
    size: Optional[int] = None
    filename: Optional[str] = None
    as_: Optional[MediaKind] = None


class MediaRequest(Body):
    """The file of a message: an uploaded or received one, one at a URL, or a small one in
    base64.

    `mimetype` counts only where the content does not tell the type, such as for Word
    documents. Without `as`, pictures, films and sound are sent as such and everything else
    as a document.
    """

    media_id: Optional[str] = None
    url: Optional[str] = None
    base64: Optional[str] = None
    mimetype: Optional[str] = None
    filename: Optional[str] = None
    as_: Optional[MediaKind] = None


class MediaState(OpenEnum):
    """Whether the file of a received message is here."""

    PENDING = "pending"
    STORED = "stored"
    TOO_LARGE = "too_large"
    EXPIRED = "expired"
    FAILED = "failed"


class MediaView(Answer):
    """A stored file: `mimetype` is what its content is, whatever it was called.

    It is removed at `expiresAt`, or later if a message uses it.
    """

    media_id: str
    sha256: str
    mimetype: str
    size: int
    filename: Optional[str] = None
    expires_at: AwareDatetime


class MessageList(Answer):
    """A page of messages, newest first; `cursor` asks for the next page."""

    items: List[Annotated[Union[MessageView, ReceivedView], Field(discriminator="direction")]]
    cursor: Optional[str] = None


class MessageOfPlan(Answer):
    """A message that an automation has planned, and where it is."""

    message_id: str
    automation: str
    trigger: str
    status: MessageStatus
    reason: Optional[str] = None
    due_at: AwareDatetime
    sent_at: Optional[AwareDatetime] = None
    delivered_at: Optional[AwareDatetime] = None
    read_at: Optional[AwareDatetime] = None


class MessageRequest(Body):
    """One message as a request describes it: with one content, and to which message it
    replies.
    """

    to: str
    location: Optional[Location] = None
    contact: Optional[Contact] = None
    poll: Optional[Poll] = None
    media: Optional[MediaRequest] = None
    message: Optional[str] = None
    reply_to: Optional[str] = None
    reference: Optional[str] = None
    priority: Optional[Literal["high", "normal", "low"]] = "normal"
    send_at: Optional[AwareDatetime] = None
    expires_at: Optional[AwareDatetime] = None


class MessageStats(Answer):
    """What became of messages: by status, and as rates of those that were sent."""

    at: Optional[AwareDatetime] = None
    automation: Optional[str] = None
    by_status: Dict[str, int]
    sent: int
    delivery_rate: Optional[float] = None
    read_rate: Optional[float] = None


class MessageStatus(OpenEnum):
    """Where a message is."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class MessageView(Answer):
    """A message that is sent: what it says, and the time of each status it reached.

    What it says is one of `text`, `location`, `contact`, `poll` and `media`, whose caption
    is `text`; a reaction has its `emoji`, an edit its new `text`, and both, as a revocation,
    the id of their `target`. It is left out where its text is encrypted (`SEAL_TEXTS`) with
    a key that the API does not have.
    """

    message_id: str
    direction: Literal["out"]
    connection_id: str
    owner: str
    to: str
    chat_id: Optional[str] = None
    kind: Kind = Kind("text")
    text: Optional[str] = None
    location: Optional[Location] = None
    contact: Optional[Contact] = None
    poll: Optional[Poll] = None
    media: Optional[MediaPart] = None
    reply_to: Optional[str] = None
    reference: Optional[str] = None
    target: Optional[str] = None
    emoji: Optional[str] = None
    reactions: List[ReactionView] = Field(default_factory=list)
    reactions_left_out: Optional[int] = None
    edited: Optional[bool] = None
    revoked: Optional[bool] = None
    status: MessageStatus
    priority: str
    reason: Optional[str] = None
    waiting: Optional[Waiting] = None
    attempts: int
    whatsapp_id: Optional[str] = None
    queued_at: AwareDatetime
    sending_at: Optional[AwareDatetime] = None
    sent_at: Optional[AwareDatetime] = None
    delivered_at: Optional[AwareDatetime] = None
    read_at: Optional[AwareDatetime] = None
    failed_at: Optional[AwareDatetime] = None
    unknown_at: Optional[AwareDatetime] = None
    expired_at: Optional[AwareDatetime] = None
    cancelled_at: Optional[AwareDatetime] = None
    send_at: Optional[AwareDatetime] = None
    expires_at: Optional[AwareDatetime] = None


class NewApiKey(Body):
    """POST /api/api-keys."""

    name: str
    scopes: List[Scope]
    all_owners: Optional[bool] = False
    connection_ids: Optional[List[str]] = None
    allowed_ips: Optional[List[str]] = None
    expires_at: Optional[AwareDatetime] = None


class NewAppointment(Body):
    """POST /api/appointments; without `endsAt` it takes an hour."""

    customer: str
    connection_id: str
    service: str
    starts_at: AwareDatetime
    ends_at: Optional[AwareDatetime] = None
    time_zone: Optional[str] = None
    location: Optional[str] = None
    notes: Optional[str] = None
    external_id: Optional[str] = None


class NewAutomation(Body):
    """POST /api/automations: when this happens, send that template."""

    expects: Optional[Expects] = None
    offset: Optional[str] = None
    delivery_hour: Optional[Union[str, int]] = None
    conditions: Optional[ConditionWish] = None
    name: str
    trigger: Trigger
    template: str
    purpose: Purpose
    connection_id: str
    enabled: Optional[bool] = False


class NewCampaign(Body):
    """POST /api/campaigns: one template to the subscribers of a list."""

    name: str
    template: str
    connection_id: str
    list: Optional[str] = "news"
    send_at: Optional[AwareDatetime] = None


class NewConnection(Body):
    """POST /api/whatsapp/connections."""

    connection_id: str
    name: Optional[str] = None
    phone_number: Optional[str] = None
    proxy: Optional[ProxyRequest] = None
    pacing: Optional[Pacing] = None


class NewCustomer(Body):
    """POST /api/customers; who is booked by phone may have no name yet."""

    language: Optional[Language] = None
    time_zone: Optional[str] = None
    tags: Optional[List[str]] = None
    notes: Optional[str] = None
    attributes: Optional[Dict[str, Any]] = None
    consents: Optional[ConsentWishes] = None
    name: Optional[str] = None
    phone: str


class NewEvent(Body):
    """POST /api/events; without a capacity everybody gets a place."""

    name: str
    starts_at: AwareDatetime
    ends_at: Optional[AwareDatetime] = None
    time_zone: Optional[str] = None
    location: Optional[str] = None
    capacity: Optional[int] = None
    notes: Optional[str] = None


class NewRegistration(Body):
    """POST /api/events/{id}/registrations."""

    customer: str


class NewSecret(Answer):
    """POST …/rotate-secret: the new secret is shown only here."""

    secret: str
    former_until: Optional[AwareDatetime] = None


class NewSubscriber(Body):
    """POST /api/subscribers; with `doubleOptIn`, they are asked over `connectionId` to
    confirm.
    """

    name: Optional[str] = None
    phone: str
    list: Optional[str] = "news"
    language: Optional[Language] = None
    time_zone: Optional[str] = None
    double_opt_in: Optional[bool] = False
    connection_id: Optional[str] = None


class NewWebhook(Body):
    """POST /api/webhooks."""

    url: str
    events: List[str]
    connection_ids: Optional[List[str]] = None
    description: Optional[str] = None
    headers: Optional[Dict[str, str]] = None


class NumberView(Answer):
    """GET …/numbers/{phone}: whether the number is on WhatsApp, and as which account.

    `chatId` is the id that WhatsApp answered; it may have other digits than `to`, as asked.
    """

    exists: bool
    to: str
    chat_id: Optional[str] = None


class Omission(OpenEnum):
    """Why an automation has no message for a record."""

    TOO_LATE = "too_late"
    NOT_AGREED = "not_agreed"
    OPTED_OUT = "opted_out"
    FAR_OFF = "far_off"
    NOT_WRITTEN = "not_written"


class OmittedView(Answer):
    """A message that an automation does not send, when it would go, and why it does not."""

    automation: str
    trigger: str
    due_at: AwareDatetime
    reason: Omission


class Pacing(Answer):
    """The limits of one connection; the defaults are those of a careful sender.

    A person writes a few messages a minute, and WhatsApp first restricts numbers that write
    to many strangers. Hence a pause of seconds after each message, modest limits for an hour
    and a day, and a small limit for new chats. Null for a field is the same as leaving it
    out, but `"quietHours": null` means none.
    """

    enabled: bool = True
    per_minute: int = 20
    per_hour: int = 240
    per_day: int = 1000
    new_chats_per_day: int = 50
    jitter_seconds: Tuple[float, float] = (1.0, 4.0)
    typing: bool = True
    quiet_hours: Optional[QuietHours] = None


class PageView(Answer):
    """The version of WhatsApp Web that a connection's page has loaded, and when it did."""

    version: Optional[str] = None
    manifest: Optional[str] = None
    loaded_at: AwareDatetime


class PairingRequest(Body):
    """POST …/pairing-code: the phone to link, if it is not the connection's own."""

    phone_number: Optional[str] = None


class PairingView(Answer):
    """A pairing code in the form to type on the phone, and when it expires."""

    code: str
    expires_at: AwareDatetime


class ParticipantView(Answer):
    """Somebody in a group; the number is missing where WhatsApp hides it."""

    id: str
    number: Optional[str] = None
    admin: bool


class PasswordChange(Body):
    """POST /api/auth/password."""

    password: str
    new_password: str
    revoke_api_keys: Optional[bool] = False


class PhoneRequest(Body):
    """POST /link/pairing-code: the phone to link, as people write its number."""

    phone_number: str


class PlaceView(Answer):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: Optional[str] = None


class PlannedView(Answer):
    """A message that would go: when, and its text; or the error that prevents it, with its
    code.

    `variable` is the one whose value is missing.
    """

    appointment: str
    due_at: AwareDatetime
    text: Optional[str] = None
    error: Optional[str] = None
    code: Optional[str] = None
    variable: Optional[str] = None


class Poll(Answer):
    """A question with options to vote for: one of them, or with `multiple` any number.

    Experimental: WhatsApp may never deliver a poll from a linked device.
    """

    question: str
    options: List[str]
    multiple: bool = False


class PollView(Answer):
    """The question of a poll, its options, and who voted how."""

    question: str
    options: List[str]
    multiple: bool
    votes: List[VoteView]
    votes_left_out: Optional[int] = None


class PreviewText(Answer):
    """The text as a person would get it."""

    text: str
    language: Language


class PreviewWish(Body):
    """POST /api/templates/{id}/preview: values by variable; those left out are examples.

    `{"customer.firstName": "Dana"}` and `{"customer": {"firstName": "Dana"}}` are the same.
    """

    variables: Dict[str, Any] = Field(default_factory=dict)
    language: Language = Language("en")
    time_zone: Optional[str] = None


class Problem(Answer):
    """An error (RFC 9457); `code` is stable, and more members may follow."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: Optional[List[FieldProblem]] = None
    retry_after_seconds: Optional[int] = None


class ProxyRequest(Body):
    """The proxy for one connection's browser."""

    server: str
    username: Optional[str] = None
    password: Optional[str] = None


class ProxyView(Answer):
    """A connection's proxy, without its user name and password."""

    server: str


class Purpose(OpenEnum):
    """What a message is for; people agree to each by itself."""

    REMINDER = "reminder"
    SERVICE = "service"
    MARKETING = "marketing"


class QrLinkView(Answer):
    """A signed link to a page that links a phone, and when it expires."""

    url: str
    expires_at: AwareDatetime


class QrView(Answer):
    """GET …/qr as JSON: the text of the code and when it expires."""

    code: str
    expires_at: AwareDatetime


class QueueView(Answer):
    """What waits in a connection's outbox.

    `jobs` are messages that wait in Redis as arq jobs (5000 at most are looked at): they are
    not stored yet. It is told by `…/status` alone, and missing where there are none.
    """

    queued: int
    jobs: Optional[int] = None
    oldest_queued_at: Optional[AwareDatetime] = None


class QuietHours(Answer):
    """Hours of the day in which nothing is sent; they span midnight if `end` is before
    `start`.
    """

    start: str
    end: str
    time_zone: str


class React(Body):
    """POST …/messages/{id}/reaction: one emoji; null takes our reaction back."""

    emoji: Optional[str]


class ReactionView(Answer):
    """The reaction of one person, by WhatsApp id; `fromMe` is the linked account's own."""

    from_: str
    emoji: str
    at: AwareDatetime
    from_me: bool


class ReadView(Answer):
    """How many messages of the chat stay unread: none, as a rule."""

    chat_id: str
    unread: int


class Reason(OpenEnum):
    """Why a connection is in its state; a stable code for clients."""

    WAITING_FOR_WORKER = "waiting_for_worker"
    WORKER_LOST = "worker_lost"
    BROWSER_STARTING = "browser_starting"
    BROWSER_UNAVAILABLE = "browser_unavailable"
    PAGE_LOADING = "page_loading"
    PAGE_UNREACHABLE = "page_unreachable"
    PAGE_CRASHED = "page_crashed"
    PAGE_UNRESPONSIVE = "page_unresponsive"
    QR_SHOWN = "qr_shown"
    QR_IDLE = "qr_idle"
    LOADING_CHATS = "loading_chats"
    NETWORK_DOWN = "network_down"
    LINE_LOST = "line_lost"
    REPLACED = "replaced"
    UPDATE_NEEDED = "update_needed"
    UNLINKED = "unlinked"
    ACCOUNT_LOCKED = "account_locked"
    TEMPORARILY_BANNED = "temporarily_banned"
    PASSKEY_WANTED = "passkey_wanted"
    SENDS_UNACKNOWLEDGED = "sends_unacknowledged"
    ENCRYPTION_KEY_MISSING = "encryption_key_missing"
    DISK_FULL = "disk_full"
    DISK_READ_ONLY = "disk_read_only"
    DISK_UNUSABLE = "disk_unusable"
    LOGIN_LOST = "login_lost"
    QR_NOT_SCANNED = "qr_not_scanned"
    WHATSAPP_CHANGED = "whatsapp_changed"
    OTHER_NUMBER = "other_number"
    LOGGING_OUT = "logging_out"
    LOGGED_OUT_BY_REQUEST = "logged_out_by_request"
    DEVICE_STILL_LISTED = "device_still_listed"


class ReceivedMediaView(Answer):
    """The file of a message: `mediaId` once it is stored, and what its sender says of it."""

    media_id: Optional[str] = None
    state: MediaState
    mimetype: Optional[str] = None
    size: Optional[int] = None
    filename: Optional[str] = None
    seconds: Optional[int] = None


class ReceivedType(OpenEnum):
    """What a received message is."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    CIPHERTEXT = "ciphertext"
    REVOKED = "revoked"
    OTHER = "other"


class ReceivedView(Answer):
    """A received message. `chatId` is the person's number where it is known, else WhatsApp's
    id.

    What it says is left out where its text is encrypted (`SEAL_TEXTS`) with a key that the
    API does not have. `timestamp` is WhatsApp's time.
    """

    message_id: str
    direction: Literal["in"]
    connection_id: str
    owner: str
    chat_id: str
    from_: str
    from_number: Optional[str] = None
    sender_name: Optional[str] = None
    timestamp: AwareDatetime
    type: ReceivedType
    text: Optional[str] = None
    media: Optional[ReceivedMediaView] = None
    location: Optional[PlaceView] = None
    contacts: Optional[List[CardView]] = None
    poll: Optional[PollView] = None
    reply_to: Optional[str] = None
    reactions: List[ReactionView] = Field(default_factory=list)
    reactions_left_out: Optional[int] = None
    edited: Optional[bool] = None
    revoked: Optional[bool] = None
    from_history: Optional[bool] = None


class RedriveRequest(Body):
    """POST …/redrive: these events, or everything since a time, or else all that failed."""

    ids: Optional[List[str]] = None
    since: Optional[AwareDatetime] = None
    events: Optional[List[str]] = None


class Redriven(Answer):
    """How many events are sent again."""

    redriven: int


class RefreshToken(Body):
    """POST /api/auth/refresh: a refresh token works once."""

    refresh_token: str


class RefusedLine(Answer):
    """A row that was not stored, and why: a code, a sentence.

    `line` is the number of the file's line on which it begins, from 1 for the first line of
    all.
    """

    line: int
    code: Flaw
    reason: str


class RefusedMessage(Answer):
    """A message of a bulk with `partial` that was not accepted: its place from 0, and why."""

    index: int
    errors: List[FieldProblem]


class Registration(Body):
    """POST /api/auth/register."""

    email: str
    password: str
    name: Optional[str] = None
    setup_token: Optional[str] = None


class RegistrationList(Answer):
    """A page of registrations, newest first."""

    items: List[RegistrationView]
    cursor: Optional[str] = None


class RegistrationStatus(OpenEnum):
    """Whether a registration has a place."""

    REGISTERED = "registered"
    WAITING = "waiting"
    CANCELLED = "cancelled"


class RegistrationView(Answer):
    """A registration for an event."""

    id: str
    event: str
    customer: str
    customer_name: Optional[str] = None
    customer_phone: Optional[str] = None
    status: RegistrationStatus
    created_at: AwareDatetime


class Reschedule(Body):
    """POST …/reschedule; without `endsAt` it takes as long as before."""

    starts_at: AwareDatetime
    ends_at: Optional[AwareDatetime] = None


class Retry(Body):
    """POST …/messages/{id}/retry: `confirm` repeats even a message that may have been sent."""

    confirm: Optional[bool] = False


class RetryFailed(Body):
    """POST /api/whatsapp/messages/retry: the failed messages of a connection, all or by
    reason.
    """

    connection_id: str
    reason: Optional[str] = None


class Role(OpenEnum):
    """What a person may see."""

    ADMIN = "admin"
    USER = "user"


class RotateSecret(Body):
    """POST …/rotate-secret: for `overlap`, events are signed with both secrets."""

    overlap: Optional[str] = "24h"


class SampleView(Answer):
    """One step: the most messages that waited, and how many were sent and failed during it."""

    at: AwareDatetime
    queued: int
    oldest_seconds: int
    sent: int
    failed: int


class SavedPage(Answer):
    """Whether pages are opened from saved HTML, or that was given up."""

    saved_at: Optional[AwareDatetime] = None
    version: Optional[str] = None
    given_up_at: Optional[AwareDatetime] = None
    why: Optional[str] = None


class Scope(OpenEnum):
    """What an API key may be used for."""

    SEND = "send"
    READ = "read"
    MANAGE = "manage"
    BUSINESS = "business"


class SendRequest(Body):
    """POST /api/whatsapp/send, and the arguments of the arq function `send_message`."""

    to: str
    location: Optional[Location] = None
    contact: Optional[Contact] = None
    poll: Optional[Poll] = None
    media: Optional[MediaRequest] = None
    message: Optional[str] = None
    reply_to: Optional[str] = None
    reference: Optional[str] = None
    priority: Optional[Literal["high", "normal", "low"]] = "normal"
    send_at: Optional[AwareDatetime] = None
    expires_at: Optional[AwareDatetime] = None
    connection_id: str


class SetupState(Answer):
    """GET /api/setup: whether the first administrator has still to register."""

    open: bool


class SignedIn(Answer):
    """A sign-in: `accessToken` is for the header Authorization, `refreshToken` for new
    tokens.
    """

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_token: str
    user: UserView


class Stage(OpenEnum):
    """The stages of linking; the page has a text for each stage in each language."""

    STARTING = "starting"
    NO_WORKER = "no_worker"
    SCAN = "scan"
    PASSKEY = "passkey"
    FINISHING = "finishing"
    LINKED = "linked"
    RETURNING = "returning"
    AWAY = "away"
    BLOCKED = "blocked"
    OTHER_NUMBER = "other_number"
    ASLEEP = "asleep"
    OFF = "off"
    FAILED = "failed"


class StatsView(Answer):
    """GET /provider/stats: by days, weeks (from Sunday) or months of a time zone.

    Times without messages are left out.
    """

    from_: AwareDatetime
    to: AwareDatetime
    time_zone: str
    messages: List[MessageStats]
    automations: List[MessageStats]
    appointments: List[AppointmentStats]
    median_seconds_to_read: Optional[float] = None
    replies: int


class StatusView(Answer):
    """GET …/status: the state as it is now, the worker that runs it, and the queue.

    `until` is when the state ends, if WhatsApp says so, as for a temporary ban. `actsNext`
    is who has to do something now, and `allowedCommands` are the commands that make sense in
    this state.
    """

    connection_id: str
    state: ConnectionState
    reason: Optional[Reason] = None
    since: AwareDatetime
    until: Optional[AwareDatetime] = None
    acts_next: Actor
    allowed_commands: List[Command]
    worker: Optional[str] = None
    phone_number: Optional[str] = None
    page: Optional[PageView] = None
    queue: QueueView


class SubscriberChange(Body):
    """PATCH /api/subscribers/{id}: only the given fields change.

    Null takes the name or the time zone away.
    """

    name: Optional[str] = None
    language: Optional[Language] = None
    time_zone: Optional[str] = None
    status: Optional[Literal["unsubscribed"]] = None


class SubscriberList(Answer):
    """A page of subscribers, newest first."""

    items: List[SubscriberView]
    cursor: Optional[str] = None


class SubscriberStatus(OpenEnum):
    """Whether a subscriber gets the messages of a list."""

    UNCONFIRMED = "unconfirmed"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


class SubscriberView(Answer):
    """A subscriber of a list."""

    id: str
    owner: str
    name: str
    phone: str
    list: str
    language: Language
    time_zone: Optional[str] = None
    status: SubscriberStatus
    created_at: AwareDatetime


class TemplateList(Answer):
    """A page of templates, newest first."""

    items: List[TemplateView]
    cursor: Optional[str] = None


class TemplateTexts(Body):
    """The text in each language, in one at least."""

    en: Optional[str] = None
    he: Optional[str] = None


class TemplateView(Answer):
    """A template; `readyMade` ones cannot be changed, but automations may name them.

    `samples` are what its texts say with example values.
    """

    id: str
    owner: Optional[str] = None
    name: str
    texts: Dict[str, str]
    samples: Dict[str, str]
    expects: Optional[Expects] = None
    ready_made: bool
    created_at: Optional[AwareDatetime] = None


class TemplateWish(Body):
    """POST /api/templates, and PUT …/{id}, which replaces all of it."""

    name: str
    texts: TemplateTexts
    expects: Optional[Expects] = None


class TestResult(Answer):
    """POST …/test: what the receiver answered."""

    at: AwareDatetime
    duration_ms: int
    status_code: Optional[int] = None
    error: Optional[str] = None
    answer: Optional[str] = None
    delivered: bool


class TextPreviewWish(Body):
    """POST /api/templates/preview: a text that is not stored, with values as for a template."""

    variables: Dict[str, Any] = Field(default_factory=dict)
    language: Language = Language("en")
    time_zone: Optional[str] = None
    draft: str


class Trade(OpenEnum):
    """A kind of business that ready-made automations suit."""

    BARBER = "barber"
    CLINIC = "clinic"
    STUDIO = "studio"


class Trigger(OpenEnum):
    """When an automation sends."""

    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    BEFORE_APPOINTMENT = "before_appointment"
    AFTER_APPOINTMENT = "after_appointment"
    EVENT_REGISTERED = "event.registered"
    EVENT_CANCELLED = "event.cancelled"
    BEFORE_EVENT = "before_event"
    AFTER_EVENT = "after_event"
    SUBSCRIBER_CONFIRMED = "subscriber.confirmed"
    CUSTOMER_BIRTHDAY = "customer.birthday"


class TryView(Answer):
    """One try: `statusCode` and `answer` of the receiver, or the code of an `error`."""

    at: AwareDatetime
    duration_ms: int
    status_code: Optional[int] = None
    error: Optional[str] = None
    answer: Optional[str] = None


class Typing(Body):
    """POST …/chats/{chatId}/typing: for how long to show that somebody types."""

    seconds: Optional[int] = 5


class TypingView(Answer):
    """Whether WhatsApp took it; whoever writes sees it only if they look at the chat."""

    chat_id: str
    shown: bool


class UserList(Answer):
    """GET /api/users."""

    items: List[UserView]


class UserView(Answer):
    """A user; `id` is the owner of their connections."""

    id: str
    email: str
    name: str
    role: Role
    created_at: AwareDatetime


class VoteView(Answer):
    """The vote of one person in a poll, by WhatsApp id."""

    from_: str
    options: List[str]
    at: AwareDatetime


class Waiting(Answer):
    """Why a message is not sent yet, until when, and how many go before it (10000 or more:
    10000).

    `detail` is the connection's reason code; `estimatedAt` is an estimate from the current
    pace.
    """

    reason: str
    detail: Optional[Reason] = None
    until: Optional[AwareDatetime] = None
    position: Optional[int] = None
    estimated_at: Optional[AwareDatetime] = None


class WebhookChanges(Body):
    """PATCH /api/webhooks/{id}: what is left out stays as it is."""

    url: Optional[str] = None
    events: Optional[List[str]] = None
    connection_ids: Optional[List[str]] = None
    description: Optional[str] = None
    headers: Optional[Dict[str, str]] = None
    enabled: Optional[bool] = None


class WebhookList(Answer):
    """GET /api/webhooks."""

    items: List[WebhookView]


class WebhookView(Answer):
    """A webhook, without its secret and the values of its headers."""

    id: str
    owner: str
    url: str
    events: List[str]
    connection_ids: Optional[List[str]] = None
    description: Optional[str] = None
    header_names: List[str]
    enabled: bool
    disabled_reason: Optional[DisabledReason] = None
    disabled_at: Optional[AwareDatetime] = None
    failures: int
    failing_since: Optional[AwareDatetime] = None
    held_until: Optional[AwareDatetime] = None
    created_at: AwareDatetime


class WorkerList(Answer):
    """GET /api/workers, by name; workers that stopped in order are not listed."""

    items: List[WorkerView]


class WorkerView(Answer):
    """A worker: how many connections it runs and can run, and whether it is alive."""

    worker: str
    alive: bool
    running: int
    capacity: int
    version: Optional[str] = None
    started_at: Optional[AwareDatetime] = None
    seen_at: AwareDatetime
    disk: DiskState


AnyMessage = Annotated[Union[MessageView, ReceivedView], Field(discriminator="direction")]
