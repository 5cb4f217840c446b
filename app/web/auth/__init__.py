"""Signing up, in and out: pages and their JSON twins."""

from flask import Blueprint

blueprint: Blueprint = Blueprint("auth", __name__)

from app.web.auth import (
    api,
    api_keys,
    confirm,
    data,
    deletion,
    email,
    keys_api,
    passkeys,
    password,
    profile,
    renewal,
    reset,
    security,
    sessions,
    sign_in,
    sign_up,
    verify,
)
