from __future__ import annotations
import os
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from sessions.clock import utc_now
from sessions.states import ConnectionState as S, Reason as R
from tests.people import DESKTOP, PHONE, people, visit

SHOTS = Path("/tmp/lead/shots-dash")
ONLY = os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else None
V = {"en-d": ("en-GB", DESKTOP, False), "he-d": ("he-IL", DESKTOP, False), "he-p": ("he-IL", PHONE, False),
     "en-p-dark": ("en-US", PHONE, True), "he-d-dark": ("he-IL", DESKTOP, True), "en-p": ("en-US", PHONE, False)}
PW = "correct horse battery"

async def snap(v, name, full=True):
    if ONLY and not any(name.startswith(o) for o in ONLY): return
    await v.page.wait_for_timeout(400)
    await v.page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=full)
    print(name, "AXE", await v.barriers(), "C", v.complaints, "OVER", await v.overflows(), v.hosts, flush=True)

@asynccontextmanager
async def seen(browser, url, tag):
    loc, vp, dark = V[tag]
    async with visit(browser, url, locale=loc, viewport=vp, dark=dark) as v:
        v.page.set_default_timeout(15000)
        yield v

async def enter(v):
    await v.page.fill("#email", "dana@example.com")
    await v.page.fill("#password", PW)
    await v.page.click("form button[type=submit]")
    await v.page.wait_for_selector(".views")

NAMES = ["Main Business Line", "סניף תל אביב", "Deliveries", "Newsletter", "Support", "Old phone", "Branch Haifa", "New one", "Broken", "Nobody"]
STATES = [(S.CONNECTED, None, "+972501234567"), (S.AWAITING_SCAN, R.QR_SHOWN, None), (S.DISCONNECTED, R.WORKER_LOST, "+972521112222"),
  (S.DEGRADED, R.SENDS_UNACKNOWLEDGED, "+14155550123"), (S.STARTING, R.PAGE_LOADING, "+972541112222"), (S.STOPPED, None, "+972541112223"),
  (S.LOGGED_OUT, R.UNLINKED, None), (S.STARTING, R.WAITING_FOR_WORKER, None), (S.FAILED, R.DISK_FULL, None), (S.PASSKEY_REQUIRED, R.PASSKEY_WANTED, None)]

async def test_shots(stranger, stores, services, database):
    url = str(stranger.make_url("/dashboard"))
    async with people() as b:
        for tag in ("en-d", "he-p", "en-p-dark"):
            async with seen(b, url, tag) as v:
                await snap(v, f"first-{tag}")
        async with seen(b, url, "he-d") as v:
            await v.page.fill("#email", "dana@example.com"); await v.page.fill("#password", "1234567890"); await v.page.evaluate("document.querySelector('form').noValidate=true")
            await v.page.fill("#password", "123"); await v.page.click("form button[type=submit]")
            await v.page.wait_for_selector("#problem")
            await snap(v, "first-error-he-d")
            await v.page.fill("#name", "Dana Levi")
            await v.page.fill("#password", PW); await v.page.click("form button[type=submit]")
            await v.page.wait_for_selector("[data-when=empty]:not([hidden])")
            await snap(v, "empty-he-d")
        for tag in ("en-d", "he-p", "en-p-dark"):
            async with seen(b, url, tag) as v:
                await snap(v, f"signin-{tag}")
                await v.page.fill("#email", "dana@example.com"); await v.page.fill("#password", "wrong")
                await v.page.click("form button[type=submit]"); await v.page.wait_for_selector("#problem")
                await snap(v, f"signin-wrong-{tag}")
                await enter(v)
                await v.page.wait_for_selector("[data-when=empty]:not([hidden])")
                await snap(v, f"empty-{tag}")
                await v.page.locator("[data-when=empty] [data-create]").click()
                await v.page.wait_for_selector("#create[open]")
                await snap(v, f"create-{tag}", full=False)
                await v.page.fill("#create-name", "Front desk 2"); await v.page.click("#create summary"); await v.page.fill("#create-id", "a b")
                await v.page.click("#create [type=submit]"); await v.page.wait_for_selector("#create [data-error=id]:visible")
                await snap(v, f"create-error-{tag}", full=False)
        records = database["connections"]
        ids = []
        for i, (name, (st, why, num)) in enumerate(zip(NAMES, STATES)):
            c = await stores.connections.create("admin", f"c{i}", name, None, utc_now())
            ids.append(c.id)
            since = utc_now() - timedelta(seconds=[7200, 40, 3, 600, 8, 90000, 300, 400, 60, 20][i])
            await records.update_one({"_id": c.id}, {"$set": {"state": st, "reason": why, "since": since, "linkedNumber": num, "desired": "stopped" if st in (S.STOPPED, S.LOGGED_OUT) else "running",
              "lease": None if why in (R.WAITING_FOR_WORKER,) else {"worker": "w", "instance": "w", "expiresAt": utc_now() + timedelta(hours=1)},
              "qr": {"code": "2@" + "Ab1+/x" * 30, "expiresAt": utc_now() + timedelta(seconds=3000)} if st is S.AWAITING_SCAN else None}})
        key = {"X-Api-Key": "a key of at least thirty-two characters"}
        for n in range(3):
            await stranger.post("/api/whatsapp/send", headers=key, json={"connectionId": "c0", "to": "+972501234567", "message": "hi"})
            await stranger.post("/api/whatsapp/send", headers=key, json={"connectionId": "c2", "to": "+972501234567", "message": "hi"})
        await database["messages"].update_many({"connection": ids[0]}, {"$set": {"status": "sent", "sentAt": utc_now()}})
        await database["messages"].update_many({"connection": ids[2]}, {"$set": {"queuedAt": utc_now()-timedelta(minutes=12)}})
        for tag in V:
            async with seen(b, url, tag) as v:
                await enter(v)
                await v.page.wait_for_selector(".connection")
                await snap(v, f"list-{tag}")
                if tag in ("en-d", "he-p"):
                    await v.page.locator(".connection .menu-button summary").first.click()
                    await snap(v, f"menu-{tag}", full=False)
                    await v.page.keyboard.press("Escape")
                    await v.page.click(".who summary")
                    await snap(v, f"who-{tag}", full=False)
                    await v.page.keyboard.press("Escape")
                if tag in ("en-d", "he-p", "en-p-dark", "he-d-dark"):
                    second = v.page.locator(".connection").nth(1)
                    await second.locator("[data-action=link]").click()
                    await v.page.wait_for_selector("#linking [data-stage=scan]")
                    await snap(v, f"link-{tag}", full=False)
                    if tag.split("-")[1] == "p":
                        await v.page.get_by_role("radio").nth(1).check(force=True)
                        await snap(v, f"linkscan-{tag}", full=False)
                    await records.update_one({"_id": ids[1]}, {"$set": {"state": "connected", "reason": None}})
                    await v.page.wait_for_selector("#linking [data-stage=linked]")
                    await snap(v, f"linked-{tag}", full=False)
                    await records.update_one({"_id": ids[1]}, {"$set": {"state": "awaiting_scan", "reason": "qr_shown"}})
                    await v.page.locator("#linking [data-done] button").click()
                    await v.page.wait_for_timeout(1000)
                    await second.locator("[data-action=send-link]").click()
                    await v.page.wait_for_selector("#share [data-copy]:not([disabled])")
                    await snap(v, f"share-{tag}", full=False)
                    await v.page.keyboard.press("Escape")
                    first = v.page.locator(".connection").first
                    for what in ("logout", "delete"):
                        await first.locator(".menu-button summary").click()
                        await first.locator(f"[data-action={what}]").click()
                        await snap(v, f"{what}-{tag}", full=False)
                        await v.page.keyboard.press("Escape")
                if tag in ("en-d", "he-p"):
                    await v.page.context.set_offline(True)
                    await v.page.wait_for_selector("[data-connectivity=offline]:not([hidden])")
                    await snap(v, f"offline-{tag}", full=False)
                    await v.page.context.set_offline(False)
                    await v.page.wait_for_selector("[data-connectivity=offline]", state="hidden")
                    await database["signIns"].delete_many({})
                    await v.page.wait_for_selector("#signed-out[open]", timeout=40000)
                    await snap(v, f"signedout-{tag}", full=False)
