"""The WSGI entry: `granian --interface wsgi wsgi:app` or `gunicorn wsgi:app`."""

from api.app import create_app

app = create_app()
