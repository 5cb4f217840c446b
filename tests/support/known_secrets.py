"""Secrets of the applications under test: strong enough for production, known to everybody."""

SECRETS = {
    "SECRET_KEY": "Jq7mZ2vX9cR4tB8nL1pW6yK3dF5gH0sA",
    "PLAYBACK_JWT_SECRET": "uE4rT9yI2oP7aS5dG1hJ8kL3zX6cV0bN",
    "CONTENT_KEY_SECRET": "Mn3bV6cX1zL8kJ5hG2fD9sA4qW7eR0tY",
}
