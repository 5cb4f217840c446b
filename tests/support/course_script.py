"""A program that makes a whole course over HTTP with an API key, using nothing but Python itself.

Run it as `python course_script.py <site> <video file>` with the key in API_KEY. It prints the
course's slug as its last line. It is what docs/COURSES.md describes, step by step.
"""

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

READY_SECONDS = 150
CAPTIONS = "WEBVTT\n\n00:00.000 --> 00:03.000\nOver, under, through.\n"
Document = dict[str, Any]


class Site:
    """The site's JSON, as somebody with a key sees it."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address
        self.key = key

    def ask(self, method: str, path: str, body: Document | None = None) -> Document:
        """Send one request; an error of the site ends the program and shows its words."""
        request = urllib.request.Request(
            f"{self.address}/api/admin/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                document: Document = json.loads(answer.read() or "{}")
                return document
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def upload(self, path: Path, content_type: str, **target: str) -> Document:
        """Send a file in the parts that the site asks for, and say that it is whole."""
        whole = path.read_bytes()
        wish = {"filename": path.name, "size_bytes": len(whole), "content_type": content_type}
        begun = self.ask("POST", "uploads", {**wish, **target})
        sent, at = [], 0
        for part in begun["parts"]:
            size = part["size_bytes"]
            request = urllib.request.Request(part["url"], method="PUT", data=whole[at : at + size])
            with urllib.request.urlopen(request, timeout=60) as answer:
                sent.append({"number": part["number"], "etag": answer.headers["ETag"]})
            at += size
        digest = hashlib.sha256(whole).hexdigest()
        done = {"parts": sent, "sha256": digest}
        return self.ask("POST", f"uploads/{begun['upload_id']}/complete", done)

    def wait_for_video(self, lesson_id: str) -> Document:
        """Ask until the lesson's video plays in every quality."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            video: Document = self.ask("GET", f"lessons/{lesson_id}")["lesson"]["video"]
            if video["status"] == "failed":
                raise SystemExit(f"the video failed: {video['error']}")
            if video["is_complete"]:
                return video
            time.sleep(0.5)
        raise SystemExit("the video is not ready in time")


def make_course(site: Site, clip: Path) -> str:
    """Make a course of two sections, publish it and return its slug."""
    course = site.ask("POST", "courses", {"title": "Knots by a script"})["course"]
    site.ask(
        "PATCH",
        f"courses/{course['id']}",
        {
            "version": course["version"],
            "pitch": "Five knots for every day.",
            "description": "Made by a program, **learned** by people.",
            "outcomes": ["Tie a bowline"],
            "level": "beginner",
        },
    )
    first, second = (
        site.ask("POST", "sections", {"course_id": course["id"], "title": title})["section"]
        for title in ("Begin here", "Go on")
    )
    text = {
        "section_id": second["id"],
        "title": "Words",
        "kind": "text",
        "body": "*Bight*: a bend.",
    }
    site.ask("POST", "lessons", text)
    film = {"section_id": second["id"], "title": "The bowline", "kind": "video"}
    lesson = site.ask("POST", "lessons", film)["lesson"]
    site.upload(clip, "video/mp4", lesson_id=lesson["id"])
    video = site.wait_for_video(lesson["id"])
    captions = {"label": "English", "text": CAPTIONS}
    site.ask("PUT", f"media/{video['id']}/captions/en", captions)
    site.ask("PATCH", f"lessons/{lesson['id']}", {"section_id": first["id"], "is_preview": True})
    missing = [
        item["code"]
        for item in site.ask("GET", f"courses/{course['id']}/checklist")["items"]
        if item["is_required"] and not item["is_done"]
    ]
    if missing:
        raise SystemExit(f"not ready: {missing}")
    published = site.ask("PATCH", f"courses/{course['id']}", {"status": "published"})["course"]
    slug: str = published["slug"]
    return slug


if __name__ == "__main__":
    print(make_course(Site(sys.argv[1], os.environ["API_KEY"]), Path(sys.argv[2])))
