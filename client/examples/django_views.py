"""Two views for Django: one sends a message, the other receives webhooks."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chatgrow_client import Client, WebhookVerificationError, verify_webhook

chatgrow = Client(settings.CHATGROW_URL, settings.CHATGROW_KEY)


@require_POST
def remind(request: HttpRequest) -> HttpResponse:
    """Send a reminder of a visit, once, however often this is asked for."""
    to, visit = request.POST["to"], request.POST["visit"]
    key = f"reminder of {visit}"
    sent = chatgrow.messages.send("main", to, "See you tomorrow!", idempotency_key=key)
    return JsonResponse({"messageId": sent.message_id}, status=202)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Receive an event; it may come again, under the same `event.id`."""
    try:
        event = verify_webhook(request.headers, request.body, settings.CHATGROW_WEBHOOK_SECRET)
    except WebhookVerificationError:
        return HttpResponse(status=401)
    print(event.type, event.data)
    return HttpResponse(status=204)
