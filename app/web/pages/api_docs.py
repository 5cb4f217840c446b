"""/api/openapi.json for programs and /api/docs for people: the same document twice."""

from flask import Response, current_app, jsonify, render_template

from app.web.access import PUBLIC_ENDPOINTS, session_cookie_name
from app.web.openapi import describe, document
from app.web.pages import blueprint

PUBLIC_FOR_MINUTES = "public, max-age=300"


@blueprint.get("/api/openapi.json")
@describe({200: "application/json"})
def openapi() -> Response:
    """Return the OpenAPI 3.1 document."""
    response = jsonify(document(current_app, PUBLIC_ENDPOINTS, session_cookie_name()))
    response.headers["Cache-Control"] = PUBLIC_FOR_MINUTES
    return response


@blueprint.get("/api/docs")
@describe({200: "text/html"})
def api_docs() -> Response:
    """Show the API to people."""
    page = render_template(
        "pages/api_docs.html",
        api=document(current_app, PUBLIC_ENDPOINTS, session_cookie_name()),
    )
    response = Response(page, mimetype="text/html")
    response.headers["Cache-Control"] = PUBLIC_FOR_MINUTES
    return response
