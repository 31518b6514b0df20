"""A typed client of Sheepdog (牧羊犬). Standard library only."""

from sheepdog_client.client import OPERATIONS, Client
from sheepdog_client.errors import Away, Problem
from sheepdog_client.webhooks import verify_webhook

__all__ = ["OPERATIONS", "Away", "Client", "Problem", "verify_webhook"]
