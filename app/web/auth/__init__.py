"""Signing up, in and out: pages and their JSON twins."""

from flask import Blueprint

blueprint: Blueprint = Blueprint("auth", __name__)

from app.web.auth import api, profile, renewal, sign_in, sign_up
